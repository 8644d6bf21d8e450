import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { interceptors } from 'undici';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import type { Interceptor } from '../../../lib/core/context.ts';
import { wrap } from '../../../lib/core/local-exchange.ts';
import type { ForwarderOptions, ForwardHooks } from '../../../lib/core/upstream/forward.ts';
import { exchangeRaw, listenBytes, until } from '../../support/servers.ts';
import { appWith, parts, proxyTo, recording, showErrors, transactions } from './forward-support.ts';

const get = 'GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n';

test('on.request sees what the server will get, and may change it, for each attempt anew', async (t) => {
  const dead = await listenBytes(t, '', { close: true });
  const server = await recording(t);
  const seen: unknown[] = [];
  const { port } = await proxyTo(t, [dead.url, `${server.url}/base`], {
    balance: 'first',
    on: {
      request(draft, req) {
        seen.push(draft.server, draft.method, draft.path, draft.headers.get('host'), req.url);
        assert.equal(draft.headers.has('X-Added'), false);
        draft.headers.set('X-Added', ['1', '2']);
        draft.headers.append('X-A', '2');
        draft.headers.delete('user-agent');
        draft.path += '?added';
      },
    },
  });
  await exchangeRaw(port, get);
  const [one, two] = [dead.url, server.url].map((url) => url.slice('http://'.length));
  assert.deepEqual(seen, [one, 'GET', '/x', one, '/x', two, 'GET', '/base/x', two, '/x']);
  assert.equal(server.seen[0]?.url, '/base/x?added');
  assert.deepEqual(server.seen[0].all('x-added'), ['1', '2']);
  assert.deepEqual(server.seen[0].all('x-a'), ['1', '2']);
});

test('on.response may change status and fields; the reason follows the status', async (t) => {
  const server = await recording(t, (_req, res) => {
    res.setHeader('X-Secret', '1').setHeader('Set-Cookie', ['a=1', 'b=2']).end('ok');
  });
  const { port } = await proxyTo(t, server.url, {
    headers: { response: { 'x-frame-options': 'DENY' } },
    on: {
      response(response, req) {
        assert.equal(response.headers.get('X-Frame-Options'), 'DENY');
        assert.deepEqual(response.headers.getAll('set-cookie'), ['a=1', 'b=2']);
        response.headers.delete('x-secret');
        response.headers.set('X-Url', req.url);
        response.status = 404;
      },
    },
  });
  const { text } = await exchangeRaw(port, get);
  assert.match(text, /^HTTP\/1\.1 404 Not Found\r\n/);
  assert.match(text, /X-Url: \/x\r\n/);
  assert.doesNotMatch(text, /X-Secret/);
  assert.equal(parts(text).body, 'ok');
});

const badHooks: readonly (readonly [what: string, on: ForwardHooks, detail: RegExp])[] = [
  ['on.request throws', { request: () => fail() }, /on\.request failed/],
  ['on.request is async', { request: async () => Promise.reject(fail) }, /on\.request failed/],
  ['on.request sets a bad path', { request: (r) => void (r.path = '/a b') }, /target/],
  ['on.request sets a bad value', { request: (r) => r.headers.set('X', 'a\r\nb') }, /field X/],
  ['on.request sets a bad name', { request: (r) => r.headers.set('X Y', 'a') }, /field name/],
  ['on.response throws', { response: () => fail() }, /on\.response failed/],
  ['on.response is async', { response: async () => Promise.reject(fail) }, /on\.response failed/],
  ['on.response sets a bad status', { response: (r) => void (r.status = 99) }, /status 99/],
  ['on.response sets a 101', { response: (r) => void (r.status = 101) }, /status 101/],
  ['on.response sets a bad value', { response: (r) => r.headers.set('X', 'a\nb') }, /bytes/],
  [
    'on.response sets the framing',
    { response: (r) => r.headers.set('Transfer-Encoding', 'chunked') },
    /belongs to the connection/,
  ],
];

function fail(): never {
  throw new Error('hook');
}

for (const [what, on, detail] of badHooks)
  for (const answer of [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n',
  ])
    test(`${what}: a named 500, ${/chunked/.exec(answer)?.[0] ?? 'whole'}`, async (t) => {
      const server = await listenBytes(t, answer);
      const { port } = await proxyTo(t, server.url, { on });
      const { text, closed } = await exchangeRaw(port, get);
      assert.match(text, /^HTTP\/1\.1 500 Internal Server Error\r\n/);
      assert.match(text, /ERR_SEKISHO_HOOK: /);
      assert.match(text, detail);
      assert.equal(closed, false);
    });

const errorHooks: readonly (readonly [
  what: string,
  hook: NonNullable<ForwardHooks['error']>,
  expected: RegExp,
])[] = [
  [
    'answers',
    (error, _req, res) => void res.status(299).send(error.code),
    /^HTTP\/1\.1 299 [^]*RESET$/,
  ],
  ['answers nothing', () => undefined, /^HTTP\/1\.1 502 [^]*UPSTREAM_RESET/],
  ['throws', () => fail(), /^HTTP\/1\.1 500 [^]*ERR_SEKISHO_HOOK: on\.error failed/],
  [
    'answers later',
    async (_error, _req, res) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      res.status(298).send('later');
    },
    /^HTTP\/1\.1 298 [^]*later$/,
  ],
  ['rejects', () => Promise.reject(new Error('later')), /^HTTP\/1\.1 500 [^]*on\.error failed/],
  ['promises nothing', () => Promise.resolve(), /^HTTP\/1\.1 502 /],
  [
    'begins a stream',
    (_error, _req, res) => {
      res.status(297).write('a');
      setTimeout(() => res.end('b'), 20);
    },
    /^HTTP\/1\.1 297 /,
  ],
];

for (const [what, error, expected] of errorHooks)
  test(`on.error ${what}`, async (t) => {
    const server = await listenBytes(t, '', { close: true });
    const { port } = await proxyTo(t, server.url, { on: { error } });
    const { text, closed } = await exchangeRaw(port, get);
    assert.match(text, expected);
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1);
    assert.equal(closed, false);
  });

for (const answer of [
  'HTTP/1.1 404 Not Found\r\nX-A: upstream\r\nContent-Length: 2\r\n\r\nno',
  'HTTP/1.1 404 Not Found\r\nX-A: upstream\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n',
])
  test(`fallthrough gives the request to the next handler: ${/chunked/.exec(answer)?.[0] ?? 'whole'}`, async (t) => {
    const published = transactions(t, '/x');
    const server = await listenBytes(t, answer);
    const { port } = await appWith(t, (app) => {
      app.use(balancedProxy(server.url, { fallthrough: [404] }));
      app.use((req, res) => res.send(`own ${req.url}`));
    });
    const { text } = await exchangeRaw(port, get + get);
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
    assert.match(text, /own \/x$/);
    assert.doesNotMatch(text, /upstream/);
    await until(() => published.length === 2, 'the transactions');
    assert.equal(published[0]?.outcome, 'completed');
  });

/** An app whose chain has these wrappers, first one outermost. */
async function wrapped(
  t: Parameters<typeof appWith>[0],
  url: string,
  list: readonly Interceptor[],
  options?: ForwarderOptions,
): ReturnType<typeof appWith> {
  return appWith(t, (app) => {
    for (const interceptor of list)
      app.use((req, res, next) => {
        wrap(req, res, interceptor);
        next();
      });
    app.use(balancedProxy(url, options), showErrors);
  });
}

function noting(name: string, order: string[]): Interceptor {
  return (dispatch) => (options, handler) => {
    order.push(`${name} ${options.path}`);
    const inner: Dispatcher.DispatchHandler = {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStart(controller, status, headers, message) {
        order.push(`${name} ${status}`);
        handler.onResponseStart?.(controller, status, { ...headers, [`x-${name}`]: '1' }, message);
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    };
    return dispatch({ ...options, path: `${options.path}${name}` }, inner);
  };
}

test('interceptors: the first mounted is outermost, and each may change request and answer', async (t) => {
  const order: string[] = [];
  const server = await recording(t, (_req, res) => {
    res.setHeader('Set-Cookie', ['a=1', 'b=2']).setHeader('X-L', 'caf\xe9').end(Buffer.from('ok'));
  });
  const { port } = await wrapped(t, server.url, [noting('a', order), noting('b', order)]);
  const { text } = await exchangeRaw(port, get);
  assert.deepEqual(order, ['a /x', 'b /xa', 'b 200', 'a 200']);
  assert.equal(server.seen[0]?.url, '/xab');
  assert.match(text, /x-a: 1\r\n/);
  assert.match(text, /x-b: 1\r\n/);
  assert.match(text, /set-cookie: a=1\r\nset-cookie: b=2\r\n/);
  assert.match(text, /x-l: caf\xe9\r\n/);
  assert.match(text, /Content-Length: 2\r\n/);
});

test('an interceptor that answers itself: no server is asked, the body of the request is drained', async (t) => {
  const server = await recording(t);
  const answering: Interceptor = () => (_options, handler) => {
    const controller = {
      aborted: false,
      paused: false,
      reason: null,
      abort: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
    };
    handler.onRequestStart?.(controller, null);
    handler.onResponseStart?.(controller, 200, { 'content-length': '3', 'x-own': '1' }, 'OK');
    handler.onResponseData?.(controller, Buffer.from('own'));
    handler.onResponseEnd?.(controller, {});
    return true;
  };
  const { port } = await wrapped(t, server.url, [answering]);
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
  const { text } = await exchangeRaw(port, post + post);
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
  assert.match(text, /x-own: 1[^]*own$/);
  assert.equal(server.seen.length, 0);
});

test("undici's own decompress", async (t) => {
  const body = gzipSync('hello '.repeat(5000));
  const server = await recording(t, (_req, res) => {
    res.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': body.length }).end(body);
  });
  const { port } = await wrapped(t, server.url, [interceptors.decompress()]);
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(answer.headers.get('content-encoding'), null);
  assert.equal(await answer.text(), 'hello '.repeat(5000));
});

/** Passes everything on but the body, which becomes this. */
function replacing(body: string): Interceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      ...forwarding(handler),
      onResponseStart: (controller, status, headers, message) =>
        handler.onResponseStart?.(controller, status, headers, message),
      onResponseEnd(controller, trailers) {
        if (body !== '') handler.onResponseData?.(controller, Buffer.from(body));
        handler.onResponseEnd?.(controller, trailers);
      },
    });
}

const misstated: readonly (readonly [what: string, interceptor: Interceptor])[] = [
  ["undici's own dump", interceptors.dump({ maxSize: 10_000 })],
  ['a shorter body', replacing('short')],
  ['a longer body', replacing('x'.repeat(5000) + 'HTTP/1.1 200 OK\r\n\r\n')],
];

for (const [what, interceptor] of misstated)
  test(`a body that has not its stated length costs the connection: ${what}`, async (t) => {
    const published = transactions(t, '/x');
    const server = await recording(t, (_req, res) => res.end('x'.repeat(5000)));
    const { port } = await wrapped(t, server.url, [interceptor]);
    const { text, closed } = await exchangeRaw(port, get);
    assert.equal(closed, true);
    assert.ok(parts(text).body.length <= 5000);
    await until(() => published.length > 0, 'the transaction');
    assert.equal(published[0]?.error, 'ERR_SEKISHO_HOOK');
  });

test('a function of the app in the response that throws: a named 500, and no server is blamed', async (t) => {
  const server = await recording(t);
  const { port } = await appWith(t, (app) => {
    app.use((_req, res, next) => {
      const writeHead = res.writeHead.bind(res);
      res.writeHead = () => {
        res.writeHead = writeHead;
        return fail();
      };
      next();
    });
    app.use(balancedProxy(server.url), showErrors);
  });
  const { text } = await exchangeRaw(port, get);
  assert.match(text, /^HTTP\/1\.1 500 [^]*ERR_SEKISHO_HOOK/);
});

const failing: readonly (readonly [what: string, interceptor: Interceptor])[] = [
  ['throws', () => () => fail()],
  [
    'throws at the head',
    (dispatch) => (options, handler) =>
      dispatch(options, { ...forwarding(handler), onResponseStart: () => fail() }),
  ],
  [
    'reports an error of its own',
    () => (_options, handler) => {
      handler.onResponseError?.(undefined as never, new Error('own'));
      return true;
    },
  ],
];

function forwarding(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
  };
}

for (const [what, interceptor] of failing)
  test(`an interceptor that ${what}: a named 500, and the process lives`, async (t) => {
    const server = await recording(t);
    const { port } = await wrapped(t, server.url, [interceptor]);
    const { text } = await exchangeRaw(port, get);
    assert.match(text, /^HTTP\/1\.1 500 [^]*ERR_SEKISHO_HOOK/);
  });
