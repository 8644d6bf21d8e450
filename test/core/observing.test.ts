import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import express, {
  Router,
  type ErrorRequestHandler,
  type Express,
  type RequestHandler,
  type Response,
} from 'express';
import basicAuth from 'express-basic-auth';
import { WebSocket, WebSocketServer } from 'ws';
import { authGate } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { contextOf } from '../../lib/core/context.ts';
import { ProxyError } from '../../lib/core/errors.ts';
import { observe } from '../../lib/core/observing.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { urlFilter } from '../../lib/url-filter/index.ts';
import { recorder, type Recorder } from '../support/records.ts';
import { exchangeRaw, listen, listenRaw, until } from '../support/servers.ts';
import { http2Client, serveTls } from '../support/tls.ts';
import { echo, rawClient, upgradeRequest } from '../support/upgrades.ts';

interface Observed extends Recorder {
  readonly app: Express;
}

function observed(): Observed {
  const app = express();
  const records = recorder();
  app.use(records.handler);
  return { app, ...records };
}

async function ask(url: string, init?: RequestInit): Promise<string> {
  return (await fetch(url, init)).text();
}

test('a request answered by a handler of the app', async (t) => {
  const { app, record } = observed();
  app.get('/shop/:id', (_req, res) => void res.send('hello'));
  const { url } = await listen(t, app);
  await ask(`${url}/shop/7?a=1`, { headers: { referer: 'http://a.example/', 'user-agent': 'me' } });
  const { method, status, outcome, route, bytesSent, client, protocol, scheme, referer, ...rest } =
    await record('/shop/7?a=1');
  assert.deepEqual(
    { method, status, outcome, route, bytesSent, client, protocol, scheme, referer },
    {
      method: 'GET',
      status: 200,
      outcome: 'completed',
      route: '/shop/:id',
      bytesSent: 5,
      client: '127.0.0.1',
      protocol: '1.1',
      scheme: 'http',
      referer: 'http://a.example/',
    },
  );
  assert.equal(rest.userAgent, 'me');
  assert.equal(rest.host, new URL(url).host);
  assert.ok(rest.total! >= 0 && rest.started > 0);
  assert.equal(rest.error, undefined);
});

test('a proxied request: server, attempt, bytes both ways and the timings in their order', async (t) => {
  const { app, record } = observed();
  const upstream = await listen(t, (req, res) => {
    req.resume().on('end', () => res.end('answer'));
  });
  app.use('/api', balancedProxy(upstream.url));
  const { url } = await listen(t, app);
  await ask(`${url}/api/1`, { method: 'POST', body: 'question' });
  const first = await record('/api/1');
  assert.deepEqual(
    [first.server, first.attempts, first.bytesReceived, first.bytesSent, first.route],
    [new URL(upstream.url).host, 1, 8, 6, '/api'],
  );
  assert.ok(first.connect! > 0, 'the connection was new');
  assert.ok(first.reading! > 0 && first.queued! <= first.firstByte!);
  assert.ok(first.firstByte! <= first.total!);
  assert.equal(first.writing, first.total! - first.firstByte!);
  await ask(`${url}/api/2`);
  const second = await record('/api/2');
  assert.equal(second.connect, undefined, 'the connection was kept');
  assert.equal(second.reading, undefined, 'there is no body');
});

test('the prepared text is written also when a record is watched', async (t) => {
  const upstream = await listen(t, (_req, res) => void res.end('x'));
  const heads: string[] = [];
  for (const looks of [false, true]) {
    const app = express().disable('x-powered-by');
    app.use(recorder({ looks }).handler, (_req, res, next) => {
      // What is not written by Node's methods is not in its books.
      res.once('prefinish', () => heads.push(String(res.getHeader('x-seen'))));
      next();
    });
    app.use(balancedProxy(upstream.url, { headers: { response: { 'X-Seen': 'yes' } } }));
    const { url } = await listen(t, app);
    assert.equal((await fetch(url)).headers.get('x-seen'), 'yes');
  }
  assert.deepEqual(heads, ['undefined', 'yes']);
});

const bodies: Readonly<Record<string, [body: string[], bytes: (bytes: number) => boolean]>> = {
  'of stated length': [['12345'], (bytes) => bytes === 5],
  'in chunks, with their framing': [['123', '45'], (bytes) => bytes >= 5 && bytes < 40],
  'that is empty': [[], (bytes) => bytes === 0],
};

for (const [name, [chunks, isRight]] of Object.entries(bodies))
  test(`bytes of an answer ${name}, on a connection with others`, async (t) => {
    const { app, record } = observed();
    app.get('/before', (_req, res) => void res.send('0123456789'.repeat(100)));
    app.get('/a', (_req, res) => {
      if (chunks.length > 1) for (const chunk of chunks) res.write(chunk);
      res.end(chunks.length === 1 ? chunks[0] : undefined);
    });
    const { port } = await listen(t, app);
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    for (const path of ['/before', '/a']) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const { bytesSent } = await record(path);
      assert.ok(path === '/before' ? bytesSent === 1000 : isRight(bytesSent), String(bytesSent));
    }
  });

test('a HEAD has no body, and a 304 neither', async (t) => {
  const { app, record } = observed();
  app.get('/a', (req, res) => (req.fresh ? res.sendStatus(304) : res.send('hello')));
  const { url } = await listen(t, app);
  await ask(`${url}/a`, { method: 'HEAD' });
  assert.equal((await record('/a')).bytesSent, 0);
});

test('a chunked upload that the app reads is counted', async (t) => {
  const { app, record } = observed();
  app.post('/a', express.text({ type: '*/*' }), (_req, res) => void res.send('ok'));
  const { port } = await listen(t, app);
  const body = '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n';
  await exchangeRaw(
    port,
    `POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
  );
  const { bytesReceived, reading } = await record('/a');
  assert.equal(bytesReceived, 11);
  assert.ok(reading! > 0);
});

test('refused by a gate: code, stage and outcome', async (t) => {
  const { app, record } = observed();
  app.use((_req, _res, next) => next(new ProxyError('ERR_SEKISHO_URL_DENIED')));
  app.use(errorPages());
  const { url } = await listen(t, app);
  await ask(`${url}/admin`);
  const { status, outcome, error, stage, abortedBy } = await record('/admin');
  assert.deepEqual(
    { status, outcome, error, stage, abortedBy },
    {
      status: 403,
      outcome: 'refused',
      error: 'ERR_SEKISHO_URL_DENIED',
      stage: 'route',
      abortedBy: undefined,
    },
  );
});

type Handling = (app: Express) => unknown;

const handlings: Readonly<Record<string, Handling>> = {
  'Express’ own handler': () => undefined,
  'an error handler of the app': (app) =>
    app.use(((error, _req, res, next) => {
      if (res.headersSent) next(error);
      else res.status(418).send('no');
    }) satisfies ErrorRequestHandler),
  'errorPages()': (app) => app.use(errorPages()),
};

const refusals: readonly [path: string, error: string, stage: string][] = [
  ['/secret', 'ERR_SEKISHO_AUTH_REQUIRED', 'request'],
  ['/denied', 'ERR_SEKISHO_URL_DENIED', 'route'],
  ['/a\\b', 'ERR_SEKISHO_BAD_PATH', 'route'],
];

for (const [by, handle] of Object.entries(handlings))
  test(`a refusal is one when it is answered by ${by}`, async (t) => {
    const { app, record } = observed();
    app.set('env', 'test');
    app.use(urlFilter({ deny: ['/denied'] }));
    app.use('/secret', authGate({ basic: { users: { alice: 'correct horse' } } }));
    handle(app);
    const { port } = await listen(t, app);
    for (const [path, code, where] of refusals) {
      await exchangeRaw(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const { outcome, error, stage } = await record(path);
      assert.deepEqual([outcome, error, stage], ['refused', code, where]);
    }
  });

const mounted: Readonly<Record<string, RequestHandler>> = {
  answers: (_req, res) => void res.send('a'),
  throws: () => {
    throw new Error('a');
  },
  rejects: () => Promise.reject(new Error('a')),
  fails: (_req, _res, next) => next(new Error('a')),
};

for (const [deed, handler] of Object.entries(mounted))
  test(`the route has its mount path when a handler of a nested router ${deed}`, async (t) => {
    const { app, record } = observed();
    app.set('env', 'test');
    app.use('/nest', Router().use('/deep', Router().get('/:id', handler)));
    app.use(errorPages());
    const { url } = await listen(t, app);
    await ask(`${url}/nest/deep/7`);
    assert.equal((await record('/nest/deep/7')).route, '/nest/deep/:id');
  });

test('however a client spells a mount path, it is one route', async (t) => {
  const { app, record } = observed();
  app.use('/Shop', (_req, res) => void res.send('a'));
  const { url } = await listen(t, app);
  for (const path of ['/shop/1', '/SHOP/1', '/sHoP/1']) {
    await ask(url + path);
    assert.equal((await record(path)).route, '/shop');
  }
});

test('a route that passes on to a router mounted elsewhere', async (t) => {
  const { app, record } = observed();
  app.get('/a{/*rest}', (_req, _res, next) => next());
  app.use('/a/b', (_req, res) => void res.send('a'));
  const { url } = await listen(t, app);
  await ask(`${url}/a/b`);
  assert.equal((await record('/a/b')).route, '/a/b');
});

test('an observer within a route leaves req.route as it is', async (t) => {
  const { handler, record } = recorder();
  const app = express();
  const seen: unknown[] = [];
  app.get('/a/:id', handler, (req, res) => {
    seen.push((req.route as { path: string }).path);
    res.send('a');
  });
  const { url } = await listen(t, app);
  for (const path of ['/a/1', '/a/2']) {
    await ask(url + path);
    assert.equal((await record(path)).route, '/a/:id');
  }
  assert.deepEqual(seen, ['/a/:id', '/a/:id']);
});

test('a route of the app behind a sub-app that alone is observed', async (t) => {
  const { handler, record } = recorder();
  const inner = express().use(handler);
  const app = express().use(inner);
  const router = express.Router().get('/:id', (_req, res) => void res.send('a'));
  app.use('/deep', router);
  const { url } = await listen(t, app);
  for (const path of ['/deep/1', '/deep/2']) {
    await ask(url + path);
    assert.equal((await record(path)).route, '/deep/:id');
  }
});

test('a route that fails behind two routers, observed outside of Express', async (t) => {
  const { handler, record } = recorder();
  const app = express().set('env', 'test');
  const router = express.Router().get('/:id', () => {
    throw new Error('it fails');
  });
  app.use('/a', express.Router().use('/b', router));
  const { url } = await listen(t, (req, res) => {
    handler(req as never, res as never, () => {
      app(req, res);
    });
  });
  await ask(`${url}/a/b/1`);
  const { status, route } = await record('/a/b/1');
  assert.deepEqual([status, route], [500, '/a/b/:id']);
});

test('the user that express-basic-auth has found, but none whose password is wrong', async (t) => {
  const { app, record } = observed();
  app.use(basicAuth({ users: { bob: 'correct horse' } }));
  app.get('/{*path}', (_req, res) => void res.send('a'));
  const { url } = await listen(t, app);
  for (const password of ['correct horse', 'wrong'])
    await ask(`${url}/${password.length}`, {
      headers: { authorization: `Basic ${Buffer.from(`bob:${password}`).toString('base64')}` },
    });
  assert.deepEqual([(await record('/13')).status, (await record('/13')).user], [200, 'bob']);
  assert.deepEqual([(await record('/5')).status, (await record('/5')).user], [401, undefined]);
});

test('refused by the own middleware of the app, and failed in a handler', async (t) => {
  const { app, record } = observed();
  app.get('/limited', (_req, res) => void res.sendStatus(429));
  app.get('/broken', () => {
    throw Object.assign(new Error('broken'), { status: 500, expose: false });
  });
  app.use(errorPages());
  const { url } = await listen(t, app);
  for (const path of ['/limited', '/broken', '/nowhere']) await ask(url + path);
  assert.equal((await record('/limited')).status, 429);
  assert.equal((await record('/broken')).status, 500);
  assert.deepEqual((await record('/nowhere')).status, 404);
});

test('no server can be reached', async (t) => {
  const { app, record } = observed();
  app.use(balancedProxy('http://127.0.0.1:1'), errorPages());
  const { url } = await listen(t, app);
  await ask(`${url}/a`);
  const { error, stage, server, outcome } = await record('/a');
  assert.match(error!, /CONNECT_REFUSED|NO_SERVER/);
  assert.equal(server, '127.0.0.1:1');
  assert.ok(stage === 'connect' || stage === 'pick');
  assert.equal(outcome, 'failed');
});

test('an attempt that was given up is in the list', async (t) => {
  const { app, record } = observed();
  const bad = await listen(t, (_req, res) => void res.writeHead(503).end());
  const good = await listen(t, (_req, res) => void res.end('good'));
  app.use(
    balancedProxy({
      target: [bad.url, { url: good.url, backup: true }],
      retries: { attempts: 3, statuses: [503], budget: 1 },
    }),
  );
  const { url } = await listen(t, app);
  await ask(`${url}/a`);
  const { attempts, givenUp, server } = await record('/a');
  assert.equal(attempts, 2);
  assert.equal(server, new URL(good.url).host);
  assert.deepEqual(
    givenUp?.map((one) => [one.server, one.reason, one.took >= 0]),
    [[new URL(bad.url).host, 'status 503', true]],
  );
});

test('served from a cache', async (t) => {
  const { app, records } = observed();
  app.use(cache('1 minute'));
  app.get('/{*path}', (_req, res) => void res.send('stored'));
  const { url } = await listen(t, app);
  await ask(`${url}/a`);
  await ask(`${url}/a`);
  await until(() => records.length === 2, 'two records');
  const [miss, hit] = records;
  assert.match(miss!.cache!, /fwd=uri-miss/);
  assert.match(hit!.cache!, /; hit/);
  assert.deepEqual([hit!.status, hit!.bytesSent, hit!.outcome], [200, 6, 'completed']);
});

const leavers: Readonly<Record<string, { path: string; status: number; stage: string }>> = {
  'in the app': { path: '/hang', status: 499, stage: 'route' },
  'while the server thinks': { path: '/proxied/hang', status: 499, stage: 'headers' },
  'in the middle of the answer': { path: '/proxied/part', status: 200, stage: 'body' },
  'in the middle of an answer of the app': { path: '/part', status: 200, stage: 'body' },
};

for (const [when, { path, status, stage }] of Object.entries(leavers))
  test(`a client that leaves ${when}`, async (t) => {
    const { app, record } = observed();
    const upstream = await listen(t, (req, res) => {
      if (req.url === '/part') res.writeHead(200, { 'Content-Length': '10' }).write('part');
    });
    const reached = Promise.withResolvers<undefined>();
    upstream.server.on('request', () => reached.resolve(undefined));
    app.use('/proxied', balancedProxy(upstream.url));
    app.get('/hang', () => reached.resolve(undefined));
    app.get('/part', (_req, res) => {
      res.write('part');
      reached.resolve(undefined);
    });
    const { port } = await listen(t, app);
    const socket = connect(port, '127.0.0.1');
    const got = Promise.withResolvers<undefined>();
    socket.once('data', () => got.resolve(undefined));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await reached.promise;
    if (status === 200) await got.promise;
    socket.destroy();
    const found = await record(path);
    assert.deepEqual(
      [found.status, found.outcome, found.abortedBy, found.stage, found.error],
      [status, 'client-aborted', 'client', stage, 'ERR_SEKISHO_CLIENT_ABORTED'],
    );
  });

test('a client that leaves in the middle of its own body', async (t) => {
  const { app, record } = observed();
  const reached = Promise.withResolvers<undefined>();
  app.post('/up', (req) => {
    req.once('data', () => reached.resolve(undefined));
  });
  const { port } = await listen(t, app);
  const socket = connect(port, '127.0.0.1');
  socket.write('POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf');
  await reached.promise;
  socket.destroy();
  const { stage, bytesReceived, abortedBy } = await record('/up');
  assert.deepEqual([stage, bytesReceived, abortedBy], ['request', 4, 'client']);
});

test('a handler that destroys its answer is no client that leaves', async (t) => {
  const { app, record } = observed();
  app.get('/kill', (_req, res) => {
    res.write('part');
    setTimeout(() => res.destroy(), 10);
  });
  const { port } = await listen(t, app);
  await exchangeRaw(port, 'GET /kill HTTP/1.1\r\nHost: a\r\n\r\n');
  const { outcome, abortedBy, status } = await record('/kill');
  assert.deepEqual([outcome, abortedBy, status], ['failed', 'proxy', 200]);
});

const cuts: Readonly<Record<string, (res: Response) => void>> = {
  'the response': (res) => res.destroy(),
  'the response with an error': (res) => void res.destroy(new Error('x')),
  'the response with an error that has a code': (res) =>
    void res.destroy(Object.assign(new Error('x'), { code: 'ECONNRESET' })),
  'the socket': (res) => res.socket?.destroy(),
  'the socket with an error': (res) => res.socket?.destroy(new Error('x')),
};

for (const [what, cut] of Object.entries(cuts))
  for (const begun of [false, true])
    test(`a handler that destroys ${what} ${begun ? 'in the middle' : 'before it has begun'} is to blame`, async (t) => {
      const { app, record } = observed();
      app.get('/kill', (_req, res) => {
        if (begun) res.write('part');
        setTimeout(() => cut(res), 10);
      });
      const { port } = await listen(t, app);
      await exchangeRaw(port, 'GET /kill HTTP/1.1\r\nHost: a\r\n\r\n').catch(() => undefined);
      const { outcome, abortedBy, status, error } = await record('/kill');
      assert.deepEqual(
        [outcome, abortedBy, status, error],
        ['failed', 'proxy', begun ? 200 : 444, undefined],
      );
    });

test('a handler that destroys a stream of HTTP/2 with an error is to blame', async (t) => {
  const { app, record } = observed();
  app.get('/kill', (_req, res) => void res.destroy(new Error('x')));
  const session = http2Client(t, await serveTls(t, app));
  const stream = session.request({ ':path': '/kill' });
  stream.on('error', () => undefined);
  const { outcome, abortedBy, status } = await record('/kill');
  assert.deepEqual([outcome, abortedBy, status], ['failed', 'proxy', 444]);
});

test('a server that breaks off in the middle', async (t) => {
  const { app, record } = observed();
  const upstream = await listenRaw(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      setTimeout(() => socket.destroy(), 20);
    });
  });
  app.use(balancedProxy(upstream.url));
  const { port } = await listen(t, app);
  await exchangeRaw(port, 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
  const { outcome, abortedBy, status, error, bytesSent } = await record('/a');
  assert.deepEqual(
    [outcome, abortedBy, status, error, bytesSent],
    ['upstream-aborted', 'upstream', 200, 'ERR_SEKISHO_TRUNCATED', 4],
  );
});

test('pipelined requests have a record each, also those whose turn never comes', async (t) => {
  const { app, record } = observed();
  let asked = 0;
  app.get('/one', () => {
    asked++;
  });
  app.get('/two', (_req, res) => (asked++, void res.send('two')));
  const { port } = await listen(t, app);
  const socket = connect(port, '127.0.0.1');
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  socket.write(get('/one') + get('/two'));
  await until(() => asked === 2, 'both requests');
  socket.destroy();
  assert.equal((await record('/one')).outcome, 'client-aborted');
  assert.notEqual((await record('/two')).outcome, undefined);
});

test('requests over HTTP/2, with protocol and encryption', async (t) => {
  const { app, record } = observed();
  app.get('/a', (_req, res) => void res.send('hello'));
  app.get('/streamed', (_req, res) => {
    res.write('hello');
    res.end(' world');
  });
  const session = http2Client(t, await serveTls(t, app));
  for (const path of ['/a', '/streamed']) {
    const stream = session.request({ ':path': path });
    stream.resume();
    await new Promise((resolve) => stream.once('close', resolve));
    const { protocol, scheme, tls, bytesSent, host } = await record(path);
    assert.deepEqual([protocol, scheme], ['2', 'https']);
    assert.match(tls!.version, /^TLSv1\.[23]$/);
    assert.match(tls!.cipher, /^TLS_/);
    assert.equal(bytesSent, path === '/a' ? 5 : 11);
    assert.match(host!, /^127\.0\.0\.1:\d+$/);
  }
});

test('a stream that the client resets', async (t) => {
  const { app, record } = observed();
  const reached = Promise.withResolvers<undefined>();
  app.get('/hang', () => reached.resolve(undefined));
  const session = http2Client(t, await serveTls(t, app));
  const stream = session.request({ ':path': '/hang' });
  stream.on('error', () => undefined);
  await reached.promise;
  stream.close(8);
  const { outcome, status } = await record('/hang');
  assert.deepEqual([outcome, status], ['client-aborted', 499]);
});

async function webSockets(t: TestContext): Promise<string> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (message) => socket.send(message)));
  t.after(() => sockets.close());
  return (await listen(t, server)).url;
}

test('a proxied WebSocket ends with its bytes both ways', async (t) => {
  const { app, record, records } = observed();
  app.use(balancedProxy(await webSockets(t)));
  const { server, port } = await listen(t, app);
  attach(server);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send('hello');
  await new Promise((resolve) => socket.once('message', resolve));
  assert.equal(records.length, 0, 'not while it is open');
  socket.close();
  const { status, outcome, bytesReceived, bytesSent } = await record('/chat');
  assert.deepEqual([status, outcome], [101, 'completed']);
  assert.ok(bytesReceived >= 11 && bytesSent >= 7);
});

test('a tunnel through the forward proxy has one record, when it is over', async (t) => {
  const { app, record, records } = observed();
  const destination = await listenRaw(t, () => undefined);
  app.use((req, _res, next) => {
    contextOf(req).admitted = true;
    next();
  });
  app.use(forwardProxy({ connectPorts: [destination.port], allowPrivate: ['127.0.0.1'] }));
  const { server, port } = await listen(t, app);
  attach(server);
  const target = `127.0.0.1:${destination.port}`;
  const client = await rawClient(port, `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  await client.sees(' 200 ');
  assert.equal(records.length, 0, 'not while it is open');
  client.socket.destroy();
  const { method, status, route } = await record(target);
  assert.deepEqual([method, status, route], ['CONNECT', 200, undefined]);
});

test('bytes that came along with an upgrade have come', async (t) => {
  const { app, record } = observed();
  app.use((req) => {
    echo(req);
  });
  const { server, port } = await listen(t, app);
  attach(server);
  const client = await rawClient(port, `${upgradeRequest('/early')}early`);
  await client.sees('early');
  client.socket.write('late');
  await client.sees('late');
  client.socket.destroy();
  assert.equal((await record('/early')).bytesReceived, 'earlylate'.length);
});

test('a tunnel to a port where nobody listens has failed, and was not refused', async (t) => {
  const { app, record } = observed();
  app.use(forwardProxy({ clients: ['127.0.0.1'], connectPorts: [1], allowPrivate: ['127.0.0.1'] }));
  const { server, port } = await listen(t, app);
  attach(server);
  const client = await rawClient(port, 'CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n');
  await client.sees(' 502 ');
  const { status, outcome, error, stage } = await record('127.0.0.1:1');
  assert.deepEqual(
    [status, outcome, error, stage],
    [502, 'failed', 'ERR_SEKISHO_CONNECT_REFUSED', 'connect'],
  );
});

test('an upgrade that is refused', async (t) => {
  const { app, record } = observed();
  app.use((_req, res) => void res.sendStatus(401));
  const { server, port } = await listen(t, app);
  attach(server);
  await rawClient(port, upgradeRequest('/chat'));
  const { status, outcome } = await record('/chat');
  assert.deepEqual([status, outcome], [401, 'completed']);
});

test('an upgrade that is left to another listener of the server', async (t) => {
  const { app, record } = observed();
  const { server, port } = await listen(t, app);
  const sockets = new WebSocketServer({ noServer: true });
  attach(server);
  server.on('upgrade', (req, socket, head) => {
    sockets.handleUpgrade(req, socket, head, (webSocket) => webSocket.close());
  });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/own`);
  await new Promise((resolve) => socket.once('close', resolve));
  const { status, bytesSent } = await record('/own');
  assert.equal(status, 101);
  assert.ok(bytesSent > 0);
});

test('several observers, one of them twice: each hears once; one that fails hurts nobody', async (t) => {
  const warnings: unknown[] = [];
  const listener = (warning: unknown): void => void warnings.push(warning);
  subscribe('sekisho:warning', listener);
  t.after(() => unsubscribe('sekisho:warning', listener));
  const one = recorder();
  const two = recorder();
  const app = express();
  app.use(one.handler, (req, res, next) => {
    const failing = {
      onEnd() {
        throw new Error('broken observer');
      },
    };
    assert.equal(observe(req, res, failing), true);
    assert.equal(observe(req, res, failing), false);
    next();
  });
  app.use(two.handler, one.handler, two.handler);
  app.get('/a', (_req, res) => void res.send('a'));
  const { url } = await listen(t, app);
  assert.equal(await ask(`${url}/a`), 'a');
  assert.equal(await one.record('/a'), await two.record('/a'));
  assert.match(JSON.stringify(warnings), /SEKISHO_OBSERVER/);
});

test('the channel has the same record, with what the observer knows', async (t) => {
  const seen: unknown[] = [];
  const listener = (record: unknown): void => void seen.push(record);
  subscribe('sekisho:transaction', listener);
  t.after(() => unsubscribe('sekisho:transaction', listener));
  const { app, record } = observed();
  app.get('/channel', (_req, res) => void res.send('a'));
  const { url } = await listen(t, app);
  await ask(`${url}/channel`);
  const own = await record('/channel');
  assert.deepEqual(seen.filter((one) => one === own).length, 1);
});

test('the address is that of a trusted proxy’s client, and nobody else can choose it', async (t) => {
  for (const trust of [false, true]) {
    const { app, record } = observed();
    app.set('trust proxy', trust ? 'loopback' : false);
    app.get('/a', (_req, res) => void res.send('a'));
    const { url } = await listen(t, app);
    await ask(`${url}/a`, { headers: { 'x-forwarded-for': '192.0.2.7' } });
    assert.equal((await record('/a')).client, trust ? '192.0.2.7' : '127.0.0.1');
  }
});

test('a traceparent is noted when it is valid, and passed on as it is', async (t) => {
  const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const { app, record } = observed();
  const got: unknown[] = [];
  const upstream = await listen(t, (req, res) => {
    got.push(req.headers.traceparent);
    res.end();
  });
  app.use(balancedProxy(upstream.url));
  const { url } = await listen(t, app);
  await ask(`${url}/a`, { headers: { traceparent: valid } });
  await ask(`${url}/b`, { headers: { traceparent: 'nonsense' } });
  assert.equal((await record('/a')).traceparent, valid);
  assert.equal((await record('/b')).traceparent, undefined);
  assert.deepEqual(got, [valid, 'nonsense']);
});

test('an observer behind everything comes too late, and says so', async (t) => {
  const app = express();
  const late: boolean[] = [];
  app.get('/a', (req, res) => {
    contextOf(req).transaction.end('completed');
    late.push(observe(req, res, { onEnd: () => undefined }));
    res.send('a');
  });
  const { url } = await listen(t, app);
  await ask(`${url}/a`);
  assert.deepEqual(late, [false]);
});
