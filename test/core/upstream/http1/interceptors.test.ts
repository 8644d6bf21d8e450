import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { interceptors, type Dispatcher } from 'undici';
import type { DirectHandler } from '../../../../lib/core/exchange/contract.ts';
import { listen, listenRaw } from '../../../support/servers.ts';
import { ask, openClient, Recorder, start } from './ask.ts';

type Client = ReturnType<typeof openClient>;

/** undici's own interceptors around our client, first one outermost. */
function compose(client: Client, ...around: Dispatcher.DispatcherComposeInterceptor[]): Client {
  const dispatch = around.reduceRight<Dispatcher['dispatch']>(
    (inner, each) => each(inner),
    (options, handler) => client.dispatch(options, handler),
  );
  return { dispatch } as unknown as Client;
}

describe('undici’s interceptors around our client', () => {
  test('dump: the body is thrown away', async (t) => {
    const { url } = await listen(t, (_req, res) => res.end('x'.repeat(1000)));
    const client = compose(openClient(t, url), interceptors.dump());
    const answer = await ask(client, '/', { origin: url, headers: {} });
    assert.deepEqual([answer.status, answer.body.length], [200, 0]);
  });

  test('dump: too large a body is an error of its own', async (t) => {
    const { url } = await listen(t, (_req, res) => res.end('x'.repeat(1000)));
    const client = compose(openClient(t, url), interceptors.dump({ maxSize: 10 }));
    await assert.rejects(ask(client, '/', { origin: url, headers: {} }), {
      code: 'UND_ERR_ABORTED',
    });
  });

  test('decompress', async (t) => {
    const { url } = await listen(t, (_req, res) => {
      res.setHeader('content-encoding', 'gzip').end(gzipSync('hello'));
    });
    const client = compose(openClient(t, url), interceptors.decompress());
    assert.equal((await ask(client)).body.toString(), 'hello');
  });

  test('responseError', async (t) => {
    const { url } = await listen(t, (_req, res) => {
      res.writeHead(404, { 'content-type': 'application/json' }).end('{"a":1}');
    });
    const client = compose(openClient(t, url), interceptors.responseError());
    await assert.rejects(ask(client), { code: 'UND_ERR_RESPONSE', statusCode: 404 });
  });

  test('retry: a truncated answer is continued', async (t) => {
    let requests = 0;
    const { url } = await listen(t, (req, res) => {
      requests++;
      const from = Number(/^bytes=(\d+)/.exec(req.headers.range ?? '')?.[1] ?? 0);
      const headers = { etag: '"1"', 'content-length': 10 - from };
      if (from === 0) {
        res.writeHead(200, headers).write('01234', () => res.destroy());
        return;
      }
      res.writeHead(206, { ...headers, 'content-range': `bytes ${from}-9/10` });
      res.end('0123456789'.slice(from));
    });
    const client = compose(
      openClient(t, url),
      interceptors.retry({ minTimeout: 1, errorCodes: ['ERR_SEKISHO_TRUNCATED'] }),
    );
    const { body } = await ask(client, '/', { origin: url, headers: {} });
    assert.equal(body.toString(), '0123456789');
    assert.equal(requests, 2);
  });

  test('retry: 503 is asked again', async (t) => {
    let requests = 0;
    const { url } = await listen(t, (_req, res) => {
      res.statusCode = ++requests < 3 ? 503 : 200;
      res.end('ok');
    });
    const client = compose(openClient(t, url), interceptors.retry({ minTimeout: 1 }));
    assert.equal((await ask(client, '/', { origin: url, headers: {} })).status, 200);
    assert.equal(requests, 3);
  });

  test('several', async (t) => {
    const { url } = await listen(t, (_req, res) => {
      res.setHeader('content-encoding', 'gzip').end(gzipSync('hello'));
    });
    const client = compose(
      openClient(t, url),
      interceptors.responseError(),
      interceptors.decompress(),
      interceptors.retry(),
    );
    assert.equal((await ask(client, '/', { origin: url, headers: {} })).body.toString(), 'hello');
  });
});

test('undici’s contract in full: calls in their order, a controller that knows the raw fields', async (t) => {
  const { url } = await listen(t, (_req, res) => {
    res.writeHead(200, { 'X-A': 'b', trailer: 'x-t' });
    res.write('a');
    res.addTrailers({ 'x-t': '1' });
    res.end();
  });
  const calls: string[] = [];
  await new Promise<void>((resolve, reject) => {
    openClient(t, url).dispatch(
      { method: 'GET', path: '/', origin: url },
      {
        onRequestStart(controller) {
          calls.push(`start ${controller.aborted} ${controller.paused}`);
        },
        onResponseStart(controller, status, headers, message) {
          const { rawHeaders } = controller as { rawHeaders?: string[] };
          calls.push(
            `head ${status} ${message ?? ''} ${String(headers['x-a'])} ${rawHeaders?.[0] ?? ''}`,
          );
        },
        onResponseData(_controller, chunk) {
          calls.push(`data ${chunk.toString()}`);
        },
        onResponseEnd(_controller, trailers) {
          calls.push(`end ${String(trailers['x-t'])}`);
          resolve();
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      },
    );
  });
  assert.deepEqual(calls, ['start false false', 'head 200 OK b X-A', 'data a', 'end 1']);
});

describe('a direct handler', () => {
  /** Notes the direct calls beside those every handler gets. */
  class Direct extends Recorder implements DirectHandler {
    readonly calls: string[] = [];
    readonly over: Promise<void>;
    #resolve: () => void;

    constructor() {
      super();
      const { promise, resolve } = Promise.withResolvers<undefined>();
      this.over = promise;
      this.#resolve = () => {
        resolve(undefined);
      };
    }

    onDirectStart(_controller: Dispatcher.DispatchController, status: number): void {
      this.calls.push(`start ${status}`);
    }

    onDirectWhole(
      _controller: Dispatcher.DispatchController,
      status: number,
      _fields: string[],
      message: string,
      body: string,
    ): void {
      this.calls.push(`whole ${status} ${message} ${body}`);
      this.#resolve();
    }

    onDirectData(controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
      this.onResponseData(controller, chunk);
      return false;
    }

    onDirectEnd(_controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
      this.calls.push(`end ${this.bytes} ${trailers.join('=')}`);
      this.#resolve();
    }
  }

  for (const [name, bytes, calls] of [
    ['small', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xe4\xff', ['whole 200 OK \xe4\xff']],
    ['empty', 'HTTP/1.1 304 Not Modified\r\n\r\n', ['whole 304 Not Modified ']],
    [
      'interim first',
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na',
      ['start 103', 'whole 200 OK a'],
    ],
    [
      'large',
      `HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n${'x'.repeat(40000)}`,
      ['start 200', 'end 40000 '],
    ],
    [
      'chunked',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T: 1\r\n\r\n',
      ['start 200', 'end 1 X-T=1'],
    ],
  ] as const)
    test(name, async (t) => {
      const { url } = await listenRaw(t, (socket) => {
        socket.once('data', () => socket.write(bytes, 'latin1'));
      });
      const handler = new Direct();
      openClient(t, url).dispatch({ method: 'GET', path: '/', headers: ['Host', 'a'] }, handler);
      await handler.over;
      assert.deepEqual(handler.calls, calls);
      assert.equal(handler.status, 0);
      assert.deepEqual(handler.errors, []);
    });

  test('one that throws at a whole answer is told once, and the connection goes on', async (t) => {
    let connections = 0;
    const { url } = await listenRaw(t, (socket) => {
      connections++;
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    });
    const client = openClient(t, url);
    const handler = new Direct();
    handler.onDirectWhole = () => {
      throw new Error('bad handler');
    };
    client.dispatch({ method: 'GET', path: '/', headers: ['Host', 'a'] }, handler);
    await assert.rejects(handler.answer, /bad handler/);
    await start(client).answer;
    assert.equal(handler.errors.length, 1);
    assert.equal(connections, 1);
  });
});
