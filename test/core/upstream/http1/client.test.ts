import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { listen, listenBytes, listenRaw, until } from '../../../support/servers.ts';
import { ask, code, openClient, start } from './ask.ts';

const small = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** A server on bare sockets that answers each request's head; `sockets` in the order of their coming. */
async function counting(
  t: Parameters<typeof listenRaw>[0],
  answer: (socket: Socket, head: string, nth: number) => void,
): Promise<{ url: string; sockets: Socket[]; heads: string[] }> {
  const sockets: Socket[] = [];
  const heads: string[] = [];
  const { url } = await listenRaw(t, (socket) => {
    sockets.push(socket);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        heads.push(head);
        answer(socket, head, heads.length);
      }
    });
  });
  return { url, sockets, heads };
}

describe('keep-alive', () => {
  test('one connection carries one request after the other', async (t) => {
    const { url, sockets } = await counting(t, (socket) => socket.write(small));
    const client = openClient(t, url);
    for (let index = 0; index < 5; index++) assert.equal((await ask(client)).body.toString(), 'ok');
    assert.equal(sockets.length, 1);
  });

  test('the connection used last is used next', async (t) => {
    const ports: (number | undefined)[] = [];
    const waiting: Socket[] = [];
    const { url } = await counting(t, (socket, head) => {
      ports.push(socket.remotePort);
      if (head.includes('/wait')) waiting.push(socket);
      else socket.write(small);
    });
    const client = openClient(t, url);
    const first = ask(client, '/wait');
    const second = ask(client, '/wait');
    await until(() => waiting.length === 2, 'both requests arrived');
    waiting[0]?.write(small);
    await (waiting[0]?.remotePort === ports[0] ? first : second);
    waiting[1]?.write(small);
    await Promise.all([first, second]);
    await ask(client);
    await ask(client);
    assert.deepEqual(ports.slice(2), [waiting[1]?.remotePort, waiting[1]?.remotePort]);
  });

  for (const [name, answer] of [
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    [
      'Keep-Alive: timeout=0',
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok',
    ],
    ['204 with a length', 'HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n'],
  ] as const)
    test(`${name}: a connection per request, each closed`, async (t) => {
      const { url, sockets } = await counting(t, (socket) => socket.write(answer));
      const client = openClient(t, url);
      await ask(client);
      await ask(client);
      assert.equal(sockets.length, 2);
      await until(() => sockets[0]?.destroyed === true, 'the first is closed');
    });

  test('the server’s idle limit is kept: closed before it, not used after it', async (t) => {
    const { url, sockets } = await counting(t, (socket) =>
      socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok'),
    );
    const client = openClient(t, url, { idle: 500 });
    await ask(client);
    await until(() => sockets[0]?.destroyed === true, 'closed by the client');
    await ask(client);
    assert.equal(sockets.length, 2);
  });

  test('an idle connection the server closed is not used', async (t) => {
    const { url, sockets } = await counting(t, (socket) => socket.write(small));
    const client = openClient(t, url);
    await ask(client);
    sockets[0]?.end();
    await until(() => sockets[0]?.destroyed === true, 'closed by both sides');
    const posted = await ask(client, '/', { method: 'POST', body: 'x' });
    assert.equal(posted.status, 200);
    assert.equal(sockets.length, 2);
  });

  test('bytes on an idle connection end it', async (t) => {
    const { url, sockets } = await counting(t, (socket) => socket.write(small));
    const client = openClient(t, url);
    await ask(client);
    sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await until(() => sockets[0]?.destroyed === true, 'closed by the client');
    assert.equal((await ask(client)).body.toString(), 'ok');
  });

  test('the handler may ask again from within the end of the answer', async (t) => {
    const { url, sockets } = await counting(t, (socket) => socket.write(small));
    const client = openClient(t, url);
    const second = await new Promise<Buffer>((resolve, reject) => {
      client.dispatch(
        { method: 'GET', path: '/', headers: ['Host', 'a'] },
        {
          onResponseEnd() {
            ask(client).then(({ body }) => {
              resolve(body);
            }, reject);
          },
          onResponseError: (_controller, error) => {
            reject(error);
          },
        },
      );
    });
    assert.equal(second.toString(), 'ok');
    assert.equal(sockets.length, 1);
  });
});

describe('a kept connection that the server closes as the request arrives', () => {
  for (const how of ['end', 'resetAndDestroy'] as const)
    for (const [method, attempts] of [
      ['GET', 3],
      ['HEAD', 3],
      ['PUT', 3],
      ['DELETE', 3],
      ['POST', 2],
      ['PATCH', 2],
    ] as const)
      test(`${how}: ${method} is sent ${attempts === 3 ? 'once more' : 'never again'}`, async (t) => {
        const { url, heads, sockets } = await counting(t, (socket, _head, nth) => {
          if (nth === 2) socket[how]();
          else socket.write(nth === 3 ? 'HTTP/1.1 204 No Content\r\n\r\n' : small);
        });
        const client = openClient(t, url);
        await ask(client);
        const body = method === 'PUT' ? 'xyz' : null;
        const second = ask(client, '/2', { method, body });
        if (attempts === 3) assert.equal((await second).status, 204);
        else {
          await assert.rejects(second, code('ERR_SEKISHO_UPSTREAM_RESET'));
          const error = (await second.catch((reason: unknown) => reason)) as { reused: boolean };
          assert.equal(error.reused, true);
        }
        assert.equal(heads.length, attempts);
        assert.equal(sockets.length, attempts - 1);
      });

  test('only once: the second failure counts', async (t) => {
    const { url, heads } = await counting(t, (socket, _head, nth) => {
      if (nth === 1) socket.write(small);
      else socket.destroy();
    });
    const client = openClient(t, url);
    await ask(client);
    await assert.rejects(ask(client), code('ERR_SEKISHO_UPSTREAM_RESET'));
    assert.equal(heads.length, 3);
  });

  test('not when something of an answer has come', async (t) => {
    const { url, heads } = await counting(t, (socket, _head, nth) => {
      if (nth === 1) socket.write(small);
      else socket.end('HTTP/1.1 200');
    });
    const client = openClient(t, url);
    await ask(client);
    await assert.rejects(ask(client), code('ERR_SEKISHO_UPSTREAM_RESET'));
    assert.equal(heads.length, 2);
  });

  test('not on a new connection', async (t) => {
    const { url, heads } = await counting(t, (socket) => socket.destroy());
    await assert.rejects(ask(openClient(t, url)), code('ERR_SEKISHO_UPSTREAM_RESET'));
    assert.equal(heads.length, 1);
  });
});

describe('abort', () => {
  const reason = new Error('gone');
  const stalling = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome';
  const stages = {
    'in onRequestStart': { answer: '', when: 'start' },
    'while connecting': { answer: '', when: 'dispatched' },
    'while waiting': { answer: '', when: 'arrived' },
    'in onResponseStart': { answer: stalling, when: 'head' },
    'in onResponseData': { answer: stalling, when: 'data' },
    'behind the body': { answer: stalling, when: 'later' },
  } as const;
  for (const [name, { answer, when }] of Object.entries(stages))
    test(name, async (t) => {
      const { url, sockets, heads } = await counting(t, (socket) => socket.write(answer));
      const client = openClient(t, url);
      const errors: Error[] = [];
      let calls = 0;
      const result = Promise.withResolvers<undefined>();
      let stop = (): void => undefined;
      client.dispatch(
        { method: 'GET', path: '/', headers: ['Host', 'a'] },
        {
          onRequestStart(controller) {
            stop = () => {
              controller.abort(reason);
              controller.abort(new Error('again'));
            };
            if (when === 'start') stop();
          },
          onResponseStart() {
            calls++;
            if (when === 'head') stop();
          },
          onResponseData() {
            calls++;
            if (when === 'data') stop();
            if (when === 'later') setImmediate(stop);
          },
          onResponseEnd: () => assert.fail('never complete'),
          onResponseError(_controller, error) {
            errors.push(error);
            result.resolve(undefined);
          },
        },
      );
      if (when === 'dispatched') stop();
      if (when === 'arrived') {
        await until(() => heads.length === 1, 'the request arrived');
        stop();
      }
      await result.promise;
      assert.deepEqual(errors, [reason]);
      const before = calls;
      await until(() => sockets.every((socket) => socket.destroyed), 'no socket is left');
      assert.equal(calls, before);
      assert.equal(errors.length, 1);
      await client.close();
    });

  test('after the end it does nothing', async (t) => {
    const { url, sockets } = await counting(t, (socket) => socket.write(small));
    const client = openClient(t, url);
    const recorder = start(client);
    await recorder.answer;
    recorder.controller?.abort(reason);
    await ask(client);
    assert.deepEqual(recorder.errors, []);
    assert.equal(sockets.length, 1);
  });
});

describe('a handler that throws gets its own error, and the server is not blamed', () => {
  for (const stage of [
    'onRequestStart',
    'onResponseStart',
    'onResponseData',
    'onResponseEnd',
  ] as const)
    test(stage, async (t) => {
      const { url } = await counting(t, (socket) => socket.write(small));
      const client = openClient(t, url);
      const thrown = new Error('bad handler');
      const errors = await new Promise<Error[]>((resolve) => {
        const all: Error[] = [];
        client.dispatch(
          { method: 'GET', path: '/', headers: ['Host', 'a'] },
          {
            [stage]: () => {
              throw thrown;
            },
            onResponseError(_controller, error) {
              all.push(error);
              setImmediate(() => {
                resolve(all);
              });
            },
          },
        );
      });
      assert.deepEqual(errors, [thrown]);
      assert.equal((await ask(client)).status, 200);
    });

  test('onResponseError: a warning, not the end of the process', async (t) => {
    const { url } = await counting(t, (socket) => socket.destroy());
    const warned = once(process, 'warning');
    openClient(t, url).dispatch(
      { method: 'GET', path: '/', headers: ['Host', 'a'] },
      {
        onResponseError() {
          throw new Error('bad handler of errors');
        },
      },
    );
    const [warning] = (await warned) as [Error];
    assert.match(warning.message, /bad handler of errors/);
  });
});

describe('nothing is sent of an invalid request', () => {
  for (const [name, options] of [
    ['method', { method: 'GET / HTTP/1.1\r\nX:' }],
    ['path', { path: '/\r\nX: y' }],
    ['name', { headers: ['Host', 'a', 'X\n', 'y'] }],
    ['value', { headers: ['Host', 'a', 'X', 'a\r\nY: z'] }],
    ['value beyond latin1', { headers: ['Host', 'a', 'X', '\u560d\u560a'] }],
    ['body', { method: 'POST', body: new FormData() as never }],
  ] as const)
    test(name, async (t) => {
      let connections = 0;
      const { url } = await listenRaw(t, () => connections++);
      const recorder = start(openClient(t, url), options as never);
      await assert.rejects(recorder.answer, { name: 'InvalidRequestError' });
      assert.equal(recorder.errors.length, 1);
      assert.equal(connections, 0);
    });
});

describe('timeouts', () => {
  test('headers', async (t) => {
    const { url, sockets } = await counting(t, () => undefined);
    const client = openClient(t, url, { headers: 100 });
    await assert.rejects(ask(client), code('ERR_SEKISHO_HEADERS_TIMEOUT'));
    await until(() => sockets[0]?.destroyed === true, 'closed');
  });

  test('headers, though interim answers come', async (t) => {
    const { url } = await counting(t, (socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 30);
      socket.on('close', () => {
        clearInterval(timer);
      });
    });
    const client = openClient(t, url, { headers: 150 });
    await assert.rejects(ask(client), code('ERR_SEKISHO_HEADERS_TIMEOUT'));
  });

  test('idle', async (t) => {
    const { url } = await listenBytes(t, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome');
    const client = openClient(t, url, { idle: 100 });
    await assert.rejects(ask(client), code('ERR_SEKISHO_IDLE_TIMEOUT'));
  });

  test('idle does not run while bytes drip', async (t) => {
    const { url } = await listenRaw(t, (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n');
        let left = 12;
        const timer = setInterval(() => {
          socket.write('x');
          if (--left === 0) clearInterval(timer);
        }, 200);
      });
    });
    const { body } = await ask(openClient(t, url, { idle: 1500 }));
    assert.equal(body.length, 12);
  });

  test('a paused reader does not run into idle', async (t) => {
    const { url } = await listenRaw(t, (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsome');
        setTimeout(() => socket.write('more'), 400);
      });
    });
    const recorder = start(openClient(t, url, { idle: 400 }));
    recorder.onHead = () => recorder.controller?.pause();
    setTimeout(() => recorder.controller?.resume(), 1500);
    assert.equal((await recorder.answer).body.toString(), 'somemore');
  });

  test('a reader paused before the head still gets head or timeout', async (t) => {
    const { url } = await counting(t, () => undefined);
    const recorder = start(openClient(t, url, { headers: 100 }));
    recorder.controller?.pause();
    await assert.rejects(recorder.answer, code('ERR_SEKISHO_HEADERS_TIMEOUT'));
  });

  test('connect: a TLS server that never shakes hands', async (t) => {
    const { url } = await listenRaw(t, () => undefined);
    const client = openClient(t, url.replace('http:', 'https:'), { connect: 100 });
    await assert.rejects(ask(client), code('ERR_SEKISHO_CONNECT_TIMEOUT'));
  });

  test('a server that does not read the body', async (t) => {
    const { url } = await listenRaw(t, (socket) => socket.pause());
    const client = openClient(t, url, { idle: 200 });
    const body = (async function* () {
      for (let index = 0; index < 1000; index++) yield await Promise.resolve(Buffer.alloc(65536));
    })();
    await assert.rejects(
      ask(client, '/', { method: 'POST', body: body as never }),
      code('ERR_SEKISHO_HEADERS_TIMEOUT'),
    );
  });
});

describe('failures', () => {
  test('nobody listens', async (t) => {
    const { url } = await new Promise<{ url: string }>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        server.close(() => {
          resolve({ url: `http://127.0.0.1:${port}` });
        });
      });
    });
    await assert.rejects(ask(openClient(t, url)), code('ERR_SEKISHO_CONNECT_REFUSED'));
  });

  test('no such host', async (t) => {
    await assert.rejects(
      ask(openClient(t, 'http://nowhere.invalid', { connect: 120_000 })),
      code('ERR_SEKISHO_DNS'),
    );
  });

  for (const [name, bytes, expected] of [
    ['not HTTP', 'SSH-2.0-OpenSSH\r\n', 'ERR_SEKISHO_UPSTREAM_PROTOCOL'],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-', 'ERR_SEKISHO_UPSTREAM_RESET'],
    ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome', 'ERR_SEKISHO_TRUNCATED'],
    [
      'half a chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nsome',
      'ERR_SEKISHO_TRUNCATED',
    ],
    [
      'no last chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n',
      'ERR_SEKISHO_TRUNCATED',
    ],
    [
      'broken chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsomeX',
      'ERR_SEKISHO_UPSTREAM_PROTOCOL',
    ],
    ['nothing', '', 'ERR_SEKISHO_UPSTREAM_RESET'],
  ] as const)
    test(`the server closes: ${name}`, async (t) => {
      const { url } = await listenBytes(t, bytes, { close: true });
      const recorder = start(openClient(t, url));
      await assert.rejects(recorder.answer, code(expected));
      assert.equal(recorder.errors.length, 1);
      assert.equal(recorder.ends, 0);
    });

  test('closing ends an answer without length, a reset does not', async (t) => {
    const { url } = await listenRaw(t, (socket) => {
      socket.once('data', (chunk: Buffer) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\nsome');
        setTimeout(() => {
          if (chunk.includes('/reset')) socket.resetAndDestroy();
          else socket.end();
        }, 50);
      });
    });
    const client = openClient(t, url);
    assert.equal((await ask(client, '/end')).body.toString(), 'some');
    await assert.rejects(ask(client, '/reset'), code('ERR_SEKISHO_TRUNCATED'));
  });
});

describe('close and destroy', () => {
  test('close waits for what is in flight, then takes nothing new', async (t) => {
    let release: (() => void) | undefined;
    const { url, sockets } = await counting(t, (socket, head) => {
      if (head.includes('/slow')) release = () => socket.write(small);
      else socket.write(small);
    });
    const client = openClient(t, url);
    const slow = ask(client, '/slow');
    await ask(client);
    await until(() => release !== undefined, 'the slow request arrived');
    let closed = false;
    const closing = Promise.all([client.close(), client.close()]).then(() => (closed = true));
    await until(
      () => sockets.filter((socket) => socket.destroyed).length === 1,
      'the idle one is closed',
    );
    assert.equal(closed, false);
    await assert.rejects(ask(client), code('ERR_SEKISHO_SHUTTING_DOWN'));
    release?.();
    assert.equal((await slow).body.toString(), 'ok');
    await closing;
    await until(() => sockets.every((socket) => socket.destroyed), 'all are closed');
  });

  test('a client that never connected closes, too', async (t) => {
    const client = openClient(t, 'http://127.0.0.1:9');
    await client.close();
    await assert.rejects(ask(client), code('ERR_SEKISHO_SHUTTING_DOWN'));
  });

  test('destroy fails what is in flight', async (t) => {
    const { url, heads } = await counting(t, () => undefined);
    const client = openClient(t, url);
    const recorder = start(client);
    await until(() => heads.length === 1, 'the request arrived');
    client.destroy();
    await assert.rejects(recorder.answer, code('ERR_SEKISHO_SHUTTING_DOWN'));
    await client.close();
    assert.equal((recorder.errors[0] as { retryable?: boolean }).retryable, false);
  });
});

describe('addresses', () => {
  test('unix socket', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sekisho-'));
    const path = join(folder, 'a b.sock');
    const server = createServer((req, res) => res.end(req.headers.host)).listen(path);
    await once(server, 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const url = `unix:${encodeURI(path)}`;
    const { body } = await ask(openClient(t, url), '/', { headers: [], origin: url });
    assert.equal(body.toString(), 'localhost');
  });

  test('IPv6', async (t) => {
    const server = createServer((_req, res) => res.end('six')).listen(0, '::1');
    const failed = await once(server, 'listening').then(
      () => undefined,
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    );
    if (failed !== undefined) {
      t.skip(`no IPv6 here: ${failed}`);
      return;
    }
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as { port: number };
    assert.equal((await ask(openClient(t, `http://[::1]:${port}`))).body.toString(), 'six');
  });

  test('a name', async (t) => {
    const { port } = await listen(t, (_req, res) => res.end('named'));
    assert.equal((await ask(openClient(t, `http://localhost:${port}`))).body.toString(), 'named');
  });
});

describe('heads', () => {
  test('1xx, fields and trailers reach the handler', async (t) => {
    const { url } = await listen(t, (_req, res) => {
      res.writeEarlyHints({ link: '</a>; rel=preload' });
      res.writeProcessing();
      res.writeHead(200, 'Fine', [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['Trailer', 'X-T'],
      ]);
      res.write('a');
      res.addTrailers({ 'X-T': 't' });
      res.end('b');
    });
    const recorder = start(openClient(t, url));
    const { body, headers, trailers, interim } = await recorder.answer;
    assert.deepEqual(interim, [103, 102]);
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(body.toString(), 'ab');
    assert.equal(trailers['x-t'], 't');
    assert.equal(recorder.message, 'Fine');
    assert.deepEqual(recorder.controller?.rawTrailers, ['X-T', 't']);
  });

  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const)
    test(`${method} ${status} has no body and keeps the connection`, async (t) => {
      const ports = new Set<number | undefined>();
      const { url } = await listen(t, (req: IncomingMessage, res) => {
        ports.add(req.socket.remotePort);
        res.writeHead(status, status === 200 ? { 'content-length': 50 } : {}).end();
      });
      const client = openClient(t, url);
      for (let index = 0; index < 2; index++) {
        const answer = await ask(client, '/', { method });
        assert.deepEqual([answer.status, answer.body.length], [status, 0]);
      }
      assert.equal(ports.size, 1);
    });
});
