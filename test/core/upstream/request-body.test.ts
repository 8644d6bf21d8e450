import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { RequestBody } from '../../../lib/core/upstream/request-body.ts';
import { upstream } from '../../../lib/core/upstream/upstream.ts';
import { exchangeRaw, listen, listenRaw, until } from '../../support/servers.ts';
import { appWith, parts, proxyTo, recording, transactions } from './forward-support.ts';

test('an upload is handed on as it comes, in both framings', async (t) => {
  let text = '';
  const server = await listen(t, (req, res) => {
    req.on('data', (chunk: Buffer) => (text += chunk.toString()));
    req.on('end', () => res.end('done'));
  });
  const { port } = await proxyTo(t, server.url);
  for (const [head, pieces] of [
    ['Content-Length: 10', ['hello', 'world']],
    ['Transfer-Encoding: chunked', ['5\r\nhello\r\n', '5\r\nworld\r\n0\r\n\r\n']],
  ] as const) {
    text = '';
    const client = connect(port, '127.0.0.1');
    t.after(() => client.destroy());
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n${pieces[0]}`);
    await until(() => text === 'hello', 'the first piece');
    client.write(pieces[1]);
    await until(() => text === 'helloworld', 'the second piece');
  }
});

test('trailers of a request pass, but not those that frame, route or authenticate', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url);
  await exchangeRaw(
    port,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n' +
      'X-Sum: 1\r\nX-Sum: 2\r\nAuthorization: x\r\nHost: b\r\nX-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n',
  );
  assert.deepEqual(server.seen[0]?.trailers, ['X-Sum', '1', 'X-Sum', '2']);
});

test('a server that does not read stops the client from sending; memory stays bounded', async (t) => {
  const taken: Socket[] = [];
  const server = await listenRaw(t, (socket) => {
    socket.pause();
    taken.push(socket);
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  client.on('error', () => undefined);
  const piece = Buffer.alloc(64 * 1024);
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${10 ** 9}\r\n\r\n`);
  let sent = 0;
  const more = (): void => {
    do sent += piece.length;
    while (!client.destroyed && client.write(piece));
  };
  client.on('drain', more);
  more();
  let before = -1;
  await until(async () => {
    if (taken.length > 0 && before === sent) return true;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return false;
  }, 'the client stops');
  assert.ok(sent < 60e6, `${sent} bytes were taken`);
  taken[0]?.resume();
  await until(() => sent > before + 1e6, 'it goes on');
});

test('Expect: 100-continue without the door: the client is told to go on, the server sees no Expect', async (t) => {
  const server = await recording(t);
  const { url } = await proxyTo(t, server.url);
  const req = request(url, {
    method: 'POST',
    headers: { Expect: '100-continue', 'Content-Length': 5 },
  });
  req.flushHeaders();
  await once(req, 'continue');
  req.end('hello');
  const [res] = (await once(req, 'response')) as [{ statusCode: number; resume(): void }];
  res.resume();
  assert.equal(res.statusCode, 200);
  assert.equal(server.seen[0]?.body, 'hello');
  assert.equal(server.seen[0].get('expect'), undefined);
});

test('an answer before the end of the upload reaches the client, and the connection is clean after it', async (t) => {
  const server = await listenRaw(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig');
    });
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  let text = '';
  client.on('data', (chunk: Buffer) => (text += chunk.toString()));
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhello');
  await until(() => text.endsWith('big'), 'the early answer');
  assert.match(text, /^HTTP\/1\.1 413 /);
  client.write(`${'x'.repeat(99_995)}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`);
  await until(() => (text.match(/HTTP\/1\.1 413/g) ?? []).length === 2, 'the next answer');
});

test('an answer that streams while the request does', async (t) => {
  const server = await listen(t, (req, res) => {
    res.writeHead(200).flushHeaders();
    req.pipe(res);
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  let text = '';
  client.on('data', (chunk: Buffer) => (text += chunk.toString()));
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
  await until(() => text.includes('abc'), 'the echo of the first');
  client.write('3\r\ndef\r\n0\r\n\r\n');
  await until(() => text.endsWith('0\r\n\r\n'), 'the end');
  assert.match(parts(text).body, /def/);
});

test('a client that leaves in the middle of its upload cancels it; the server is not blamed', async (t) => {
  const published = transactions(t);
  let broken = false;
  let got = 0;
  const server = await listen(t, (req) => {
    req.on('data', (chunk: Buffer) => (got += chunk.length));
    req.on('error', () => (broken = true));
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  client.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhello');
  await until(() => got === 5, 'the beginning');
  client.destroy();
  await until(() => broken, 'the server hears of it');
  await until(() => published.length > 0, 'the transaction');
  assert.equal(published[0]?.outcome, 'client-aborted');
  assert.equal(published[0].bytesReceived, 5);
  assert.equal(published[0].attempts, 1);
});

test('a chunk that breaks in the middle of an upload: nothing looks complete to the server', async (t) => {
  let got = 0;
  let ended = false;
  let broken = false;
  const server = await listen(t, (req) => {
    req.on('error', () => (broken = true));
    req.on('data', (chunk: Buffer) => (got += chunk.length)).on('end', () => (ended = true));
  });
  const { port } = await proxyTo(t, server.url);
  const client = connect(port, '127.0.0.1');
  let text = '';
  client.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', () => undefined);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  await until(() => got === 5, 'the beginning');
  client.write('xyz\r\n');
  await new Promise((resolve) => client.once('close', resolve));
  assert.match(text, /^HTTP\/1\.1 400 /);
  await until(() => broken, 'the server hears of it');
  assert.equal(ended, false);
});

test('a large upload arrives whole, with retries and replay in place', async (t) => {
  const server = await recording(t);
  const { url } = await proxyTo(t, server.url);
  const body = Buffer.alloc(3_000_000, 'abcdefg');
  const answer = await fetch(url, { method: 'PUT', body });
  assert.equal(answer.status, 200);
  assert.equal(server.seen[0]?.body, body.toString('latin1'));
});

/** Bytes that differ from place to place, and in length no multiple of anything. */
const long = Buffer.alloc(5_000_003);
for (let at = 0; at < long.length; at += 4) long.writeUInt32LE(at, Math.min(at, long.length - 4));

type Watcher = (req: IncomingMessage, seen: Buffer[]) => void;

/** What stands in front of the forwarder and keeps what it sees; how much it sees is its own affair. */
const watchers: Record<string, Watcher> = {
  'nobody but the forwarder': () => undefined,
  'a listener': (req, seen) => req.on('data', (chunk: Buffer) => seen.push(chunk)),
  'a listener that comes later': (req, seen) =>
    setImmediate(() => req.on('data', (chunk: Buffer) => seen.push(chunk))),
  'a listener for the first piece only': (req, seen) =>
    req.once('data', (chunk: Buffer) => seen.push(chunk)),
  'a listener, and somebody who pauses': (req, seen) =>
    req.on('data', (chunk: Buffer) => seen.push(chunk)).pause(),
  // As those do that report errors with a part of the body.
  'a wrapped on()': (req, seen) => {
    const on = req.on.bind(req);
    req.on = (name: string, listener: (...values: never[]) => void) =>
      on(name, (...values: unknown[]) => {
        if (name === 'data') seen.push(values[0] as Buffer);
        (listener as (...all: unknown[]) => void)(...values);
      });
  },
  'a wrapped push()': (req, seen) => {
    const push = req.push.bind(req);
    req.push = (chunk: Buffer | null) => {
      if (chunk !== null) seen.push(chunk);
      return push(chunk);
    };
  },
};

for (const framing of ['with a length', 'chunked'])
  for (const [who, watch] of Object.entries(watchers))
    test(`a long upload arrives whole, and stays whole for ${who}: ${framing}`, async (t) => {
      const arrived: Buffer[] = [];
      const server = await listen(t, (req, res) => {
        // So that the proxy has to wait, and has more than one piece at a time.
        req.on('data', (chunk: Buffer) => {
          arrived.push(chunk);
          req.pause();
          setImmediate(() => req.resume());
        });
        req.on('end', () => res.end('done'));
      });
      const seen: Buffer[] = [];
      const { port } = await appWith(t, (app) => {
        const proxy = balancedProxy(server.url);
        t.after(() => void proxy.close());
        app.use((req, _res, next) => {
          watch(req, seen);
          next();
        });
        app.use(proxy);
      });
      const req = request({
        port,
        method: 'POST',
        headers: framing === 'chunked' ? {} : { 'Content-Length': long.length },
      });
      for (let at = 0; at < long.length; at += 300_000) req.write(long.subarray(at, at + 300_000));
      req.end();
      const [res] = (await once(req, 'response')) as [IncomingMessage];
      res.resume();
      assert.ok(long.equals(Buffer.concat(arrived)), 'the server has got something else');
      assert.ok(
        seen.every(({ length }) => length > 0),
        'what was seen has been taken away',
      );
      // A part of the body without a gap, wherever it began.
      const kept = Buffer.concat(seen);
      assert.notEqual(long.indexOf(kept), -1);
    });

/** Who attaches to a body hears with each chunk whether it is his alone. */
const owners: Record<string, { watch?: Watcher; limit?: number; bytes?: number; given: boolean }> =
  {
    'a long body that nobody else reads': { given: true },
    'one that is kept whole for other attempts': { limit: 8_000_000, given: false },
    'a short one': { bytes: 200_000, given: false },
    'one whose beginning was read and put back': {
      watch(req) {
        req.once('readable', () => req.unshift(req.read()));
      },
      given: false,
    },
    ...Object.fromEntries(
      Object.entries(watchers)
        .slice(1)
        .map(([who, watch]) => [who, { watch, given: false }]),
    ),
  };

for (const [name, { watch, limit = 65_536, bytes = long.length, given }] of Object.entries(owners))
  test(`chunks are given away with their memory: ${name}: ${given ? 'yes' : 'no'}`, async (t) => {
    const gifts: boolean[] = [];
    const done = Promise.withResolvers<undefined>();
    const { port } = await listen(t, (req, res) => {
      watch?.(req, []);
      const attach = (): void => {
        new RequestBody(req, limit, () => undefined).attach({
          write(_chunk, yours = false) {
            gifts.push(yours);
            return true;
          },
          end() {
            res.end();
            done.resolve(undefined);
          },
          fail: done.reject,
        });
      };
      if (req.listenerCount('readable') > 0) req.once('readable', attach);
      else attach();
    });
    const req = request({ port, method: 'POST' });
    req.end(long.subarray(0, bytes));
    await done.promise;
    assert.equal(gifts.includes(true), given);
    assert.equal(gifts[0], false, 'the first could still be wanted');
  });

test('nothing of an upload passes by while the target is being found', async (t) => {
  const server = await recording(t);
  const { url } = await appWith(t, (app) => {
    const target = upstream('found', [server.url]);
    t.after(() => void target.close());
    app.use((req, _res, next) => {
      req.on('data', () => undefined);
      next();
    });
    app.use(
      balancedProxy(async () => {
        for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
        return target;
      }),
    );
  });
  const answer = await fetch(url, { method: 'PUT', body: 'all of it' });
  assert.equal(answer.status, 200);
  assert.equal(server.seen[0]?.body, 'all of it');
});
