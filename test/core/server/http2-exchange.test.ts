import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import test from 'node:test';
import compression from 'compression';
import express, { type Express, type RequestHandler } from 'express';
import session from 'express-session';
import { errorPages, securityHeaders } from 'sekisho';
import { ProxyError } from '../../../lib/core/errors.ts';
import { ask2, http2Client, serveTls, type Http2Answer } from '../../support/tls.ts';
import {
  endHeaders,
  endStream,
  frameClient,
  frameTypes,
  request,
} from '../../support/http2-frames.ts';
import { until } from '../../support/servers.ts';

const json = { 'content-type': 'application/json' };

interface Case {
  readonly name: string;
  readonly app: (app: Express) => unknown;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
  readonly check: (answer: Http2Answer) => void;
}

const facts: RequestHandler = (req, res) => {
  res.json({
    version: req.httpVersion,
    protocol: req.protocol,
    secure: req.secure,
    ip: req.ip,
    hostname: req.hostname,
    url: req.originalUrl,
    base: req.baseUrl,
    query: req.query,
    http: req instanceof IncomingMessage && res instanceof ServerResponse,
    cookie: req.headers.cookie,
    authority: req.headers[':authority'],
    distinct: req.headersDistinct['x-a'],
  });
};

const cases: Case[] = [
  {
    name: 'what Express tells of the request, within a mounted app',
    app: (app) => app.use('/inner', express().get('/x', facts)),
    headers: { ':path': '/inner/x?a=1', ':authority': 'Shop.example:8443', 'x-a': ['1', '2'] },
    check({ text: body, status }) {
      assert.equal(status, 200);
      assert.deepEqual(JSON.parse(body), {
        version: '2.0',
        protocol: 'https',
        secure: true,
        ip: '127.0.0.1',
        hostname: 'Shop.example',
        url: '/inner/x?a=1',
        base: '/inner',
        query: { a: '1' },
        http: true,
        distinct: ['1', '2'],
      });
    },
  },
  {
    name: 'an app that another router carries, and what comes behind it',
    app(app) {
      const inner = express();
      inner.use((_req, _res, next) => next());
      app.use(express.Router().use(inner)).use((req, res) => void res.json({ ip: req.ip }));
    },
    check: ({ text: body }) => assert.equal(body, '{"ip":"127.0.0.1"}'),
  },
  {
    name: 'res.send with an ETag',
    app: (app) => app.get('/', (_req, res) => void res.status(201).send('hello')),
    check({ status, text: body, headers }) {
      assert.deepEqual([status, body, headers['content-length']], [201, 'hello', '5']);
      assert.ok(headers.etag);
      assert.ok(headers.date);
    },
  },
  {
    name: 'a conditional request is a 304 without a body',
    app: (app) => app.get('/', (_req, res) => void res.set('ETag', '"a"').send('hello')),
    headers: { 'if-none-match': '"a"' },
    check: ({ status, text: body }) => assert.deepEqual([status, body], [304, '']),
  },
  {
    name: 'res.sendStatus(204)',
    app: (app) => app.get('/', (_req, res) => void res.sendStatus(204)),
    check({ status, text: body, headers }) {
      assert.deepEqual([status, body, headers['content-length']], [204, '', undefined]);
    },
  },
  {
    name: 'a 204 whose end comes later',
    app: (app) =>
      app.get('/', (_req, res) => {
        res.writeHead(204);
        setTimeout(() => res.end(), 20);
      }),
    check: ({ status, reset }) => assert.deepEqual([status, reset], [204, 0]),
  },
  {
    name: 'HEAD of what sends a body',
    app: (app) => app.get('/', (_req, res) => void res.send('hello')),
    headers: { ':method': 'HEAD' },
    check({ status, text: body, headers }) {
      assert.deepEqual([status, body, headers['content-length']], [200, '', '5']);
    },
  },
  {
    name: 'res.sendFile',
    app: (app) => app.get('/', (_req, res) => res.sendFile(`${process.cwd()}/package.json`)),
    check: ({ text: body }) => assert.match(body, /"name": "sekisho"/),
  },
  {
    name: 'a range of a static file',
    app: (app) => app.use(express.static('.')),
    headers: { ':path': '/package.json', range: 'bytes=0-3' },
    check: ({ status, text: body }) => assert.deepEqual([status, body], [206, '{\n  ']),
  },
  {
    name: 'HEAD of a static file',
    app: (app) => app.use(express.static('.')),
    headers: { ':path': '/package.json', ':method': 'HEAD' },
    check: ({ status, text: body }) => assert.deepEqual([status, body], [200, '']),
  },
  {
    name: 'res.redirect',
    app: (app) => app.get('/', (_req, res) => res.redirect('/there')),
    check: ({ status, headers }) => assert.deepEqual([status, headers.location], [302, '/there']),
  },
  {
    name: 'several cookies',
    app: (app) =>
      app.get(
        '/',
        (req, res) => void res.cookie('a', '1').cookie('b', '2').send(req.headers.cookie),
      ),
    headers: { cookie: ['x=1', 'y=2'] },
    check({ headers, text: body }) {
      assert.deepEqual(headers['set-cookie'], ['a=1; Path=/', 'b=2; Path=/']);
      assert.equal(body, 'x=1; y=2');
    },
  },
  {
    name: 'a stream that is piped',
    app: (app) => app.get('/', (_req, res) => void createReadStream('LICENSE').pipe(res)),
    check: ({ text: body }) => assert.match(body, /^MIT License/),
  },
  {
    name: 'a stream in a pipeline',
    app: (app) => app.get('/', (_req, res) => pipeline(createReadStream('LICENSE'), res)),
    check: ({ text: body }) => assert.match(body, /^MIT License/),
  },
  {
    name: 'trailers',
    app: (app) =>
      app.get('/', (_req, res) => {
        res.write('body');
        res.addTrailers({ 'X-Sum': 'abc' });
        res.end();
      }),
    check({ text: body, trailers }) {
      assert.deepEqual([body, trailers['x-sum']], ['body', 'abc']);
    },
  },
  {
    name: 'trailers of an answer in one piece',
    app: (app) =>
      app.get('/', (_req, res) => {
        res.addTrailers([['X-Sum', 'abc']] as never);
        res.end('body');
      }),
    check({ text: body, trailers }) {
      assert.deepEqual([body, trailers['x-sum']], ['body', 'abc']);
    },
  },
  {
    name: 'early hints',
    app: (app) =>
      app.get('/', (_req, res) => {
        res.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.css>; rel=preload'] });
        res.send('body');
      }),
    check({ interim, text: body }) {
      assert.equal(interim[0]?.[':status'], 103);
      assert.equal(interim[0].link, '</a.css>; rel=preload, </b.css>; rel=preload');
      assert.equal(body, 'body');
    },
  },
  {
    name: 'writeHead with an object, an array and pairs',
    app(app) {
      app.get(
        '/',
        (_req, res) => void res.set('X-A', '1').writeHead(200, 'Fine', { 'X-B': '2' }).end(),
      );
    },
    check: ({ headers }) => assert.deepEqual([headers['x-a'], headers['x-b']], ['1', '2']),
  },
  {
    name: 'writeHead with a flat array',
    app: (app) =>
      app.get(
        '/',
        (_req, res) => void res.writeHead(200, ['X-A', '1', 'X-A', '2'] as never).end('x'),
      ),
    check: ({ headers }) => assert.equal(headers['x-a'], '1, 2'),
  },
  {
    name: 'fields of an HTTP/1.1 connection are left out',
    app: (app) =>
      app.get('/', (_req, res) => {
        res.set({ Connection: 'close', 'Keep-Alive': 'timeout=5', 'Transfer-Encoding': 'chunked' });
        res.set({ Upgrade: 'h2c', 'Proxy-Connection': 'close', TE: 'gzip' });
        res.send('body');
      }),
    check({ status, headers, text: body }) {
      assert.deepEqual([status, body], [200, 'body']);
      for (const name of ['connection', 'keep-alive', 'transfer-encoding', 'upgrade'])
        assert.equal(headers[name], undefined);
    },
  },
  {
    name: 'a body parser, with Content-Length',
    app: (app) => app.post('/', express.json(), (req, res) => void res.json(req.body)),
    headers: { ':method': 'POST', ...json, 'content-length': '7' },
    body: '{"a":1}',
    check: ({ text: body }) => assert.equal(body, '{"a":1}'),
  },
  {
    name: 'a body parser, without Content-Length',
    app: (app) => app.post('/', express.json(), (req, res) => void res.json(req.body)),
    headers: { ':method': 'POST', ...json },
    body: '{"a":1}',
    check: ({ text: body }) => assert.equal(body, '{"a":1}'),
  },
  {
    name: 'a body parser refuses what is too long',
    app: (app) => app.post('/', express.json({ limit: 100 }), (_req, res) => void res.end()),
    headers: { ':method': 'POST', ...json },
    body: `"${'x'.repeat(300_000)}"`,
    check: ({ status }) => assert.equal(status, 413),
  },
  {
    name: 'a body that is iterated',
    app: (app) => app.post('/', async (req, res) => void res.send(await text(req))),
    headers: { ':method': 'POST' },
    body: 'x'.repeat(100_000),
    check: ({ text: body }) => assert.equal(body.length, 100_000),
  },
  {
    name: 'compression',
    app: (app) =>
      app
        .use(compression({ threshold: 0 }))
        .get('/', (_req, res) => void res.send('x'.repeat(5000))),
    headers: { 'accept-encoding': 'gzip' },
    check: ({ headers, status }) =>
      assert.deepEqual([status, headers['content-encoding']], [200, 'gzip']),
  },
  {
    name: 'sessions',
    app(app) {
      app.use(
        session({ secret: 'x', resave: false, saveUninitialized: true, cookie: { secure: true } }),
      );
      app.get('/', (_req, res) => void res.send('body'));
    },
    check({ headers, text: body }) {
      assert.equal(body, 'body');
      assert.match(String(headers['set-cookie']), /connect\.sid=.*Secure/);
    },
  },
  {
    name: 'error pages',
    app: (app) =>
      app.get('/', (_req, _res, next) => next(new ProxyError('ERR_SEKISHO_DNS'))).use(errorPages()),
    check({ status, headers }) {
      assert.deepEqual([status, headers['content-type']], [502, 'application/problem+json']);
    },
  },
  {
    name: 'an error that nobody handles',
    app: (app) =>
      app.get('/', () => {
        throw Object.assign(new Error('no'), { status: 418 });
      }),
    check: ({ status }) => assert.equal(status, 418),
  },
  {
    name: 'security headers, HSTS among them',
    app: (app) => app.use(securityHeaders()).get('/', (_req, res) => void res.send('body')),
    check: ({ headers }) => assert.match(String(headers['strict-transport-security']), /max-age=/),
  },
  {
    name: 'expect: 100-continue, when the body is read',
    app: (app) => app.post('/', async (req, res) => void res.send(await text(req))),
    headers: { ':method': 'POST', expect: '100-continue' },
    body: 'body',
    check({ interim, text: body }) {
      assert.deepEqual([interim[0]?.[':status'], body], [100, 'body']);
    },
  },
];

for (const { name, app: mount, headers = {}, body, check } of cases)
  test(`Express over HTTP/2: ${name}`, async (t) => {
    const app = express().set('env', 'test');
    mount(app);
    const client = http2Client(t, await serveTls(t, app));
    check(await ask2(client, { ':path': '/', ...headers }, body));
  });

test('no warning comes of all that', async (t) => {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  const app = express();
  app.get('/', (_req, res) => {
    res.statusMessage = 'Fine';
    res.writeHead(200, 'Fine').end('body');
  });
  const client = http2Client(t, await serveTls(t, app));
  await Promise.all(Array.from({ length: 30 }, () => ask2(client, '/')));
  await new Promise(setImmediate);
  assert.deepEqual(warnings, []);
});

test('finish and close come as over HTTP/1.1, for every kind of answer', async (t) => {
  const seen: string[] = [];
  const app = express();
  app.use((req, res, next) => {
    for (const event of ['finish', 'close'])
      res.on(event, () => seen.push(`${req.path} ${event} ${String(res.writableFinished)}`));
    next();
  });
  app.get('/whole', (_req, res) => void res.send('x'));
  app.get('/stream', (_req, res) => void (res.write('x'), res.end()));
  app.get('/none', (_req, res) => void res.status(204).end());
  app.get('/reset', (_req, res) => void (res.write('x'), res.destroy()));
  const client = http2Client(t, await serveTls(t, app));
  for (const path of ['/whole', '/stream', '/none', '/reset']) await ask2(client, path);
  await ask2(client, { ':path': '/whole', ':method': 'HEAD' });
  await until(() => seen.length === 9, `all events: ${seen.join(', ')}`);
  assert.deepEqual(seen, [
    ...['/whole finish true', '/whole close true', '/stream finish true', '/stream close true'],
    ...['/none finish true', '/none close true', '/reset close false'],
    ...['/whole finish true', '/whole close true'],
  ]);
});

const cuts: { name: string; cut: RequestHandler; frames: readonly string[] }[] = [
  {
    name: 'in the middle of a stream',
    cut(_req, res) {
      res.write('half');
      setTimeout(() => res.destroy(), 20);
    },
    frames: ['HEADERS', 'DATA', 'RST_STREAM'],
  },
  {
    name: 'in the middle of an answer with a length',
    cut(_req, res) {
      res.set('Content-Length', '100').write('half');
      setTimeout(() => res.destroy(), 20);
    },
    frames: ['HEADERS', 'DATA', 'RST_STREAM'],
  },
  { name: 'before the head', cut: (_req, res) => void res.destroy(), frames: ['RST_STREAM'] },
  { name: 'by its socket', cut: (req) => void req.socket.destroy(), frames: ['RST_STREAM'] },
  {
    name: 'by destroying the request',
    cut: (req) => void req.destroy(),
    frames: ['RST_STREAM'],
  },
];

for (const { name, cut, frames } of cuts)
  test(`what is destroyed ${name} is reset, never ended, and its neighbours go on`, async (t) => {
    const app = express().use('/cut', cut);
    app.get('/slow', (_req, res) => void setTimeout(() => res.send('whole'), 60));
    const client = await frameClient(t, await serveTls(t, app));
    client.headers(1, [':method', 'POST', ...request('/cut').slice(2)], endHeaders);
    client.headers(3, request('/slow'));
    await client.sees('RST_STREAM', 1);
    await client.sees('DATA', 3);
    const seen = client.frames.filter(({ stream }) => stream === 1);
    assert.deepEqual(
      seen.map(({ type }) => Object.entries(frameTypes).find(([, value]) => value === type)?.[0]),
      frames,
    );
    assert.ok(
      seen.every(({ type, flags }) => type === frameTypes.RST_STREAM || (flags & endStream) === 0),
    );
    assert.notEqual(seen.at(-1)!.payload.readUInt32BE(), 0);
  });

test('an app hears that its client has reset the stream', async (t) => {
  const heard: string[] = [];
  const app = express().post('/', (req, res) => {
    req
      .on('aborted', () => heard.push('aborted'))
      .on('error', (error) => heard.push(error.message));
    req.on('close', () => heard.push('request closed'));
    res.on('close', () => heard.push(`response closed ${String(res.writableFinished)}`));
    req.resume();
    res.write('begun');
  });
  const client = http2Client(t, await serveTls(t, app));
  // Without trailers to wait for, node's client would end the body before it resets the stream.
  const stream = client.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true });
  stream.on('error', () => undefined).write('half');
  await once(stream, 'data');
  stream.close(8);
  await until(() => heard.length >= 4, `all of it: ${heard.join(', ')}`);
  assert.deepEqual(heard.toSorted(), [
    'aborted',
    'aborted',
    'request closed',
    'response closed false',
  ]);
});

test('fields cannot be set when the head is gone, nor statuses sent that HTTP/2 has not', async (t) => {
  const codes: unknown[] = [];
  const attempt = (action: () => unknown): void => {
    try {
      action();
    } catch (error) {
      codes.push((error as NodeJS.ErrnoException).code);
    }
  };
  const app = express().get('/', (_req, res) => {
    attempt(() => res.writeHead(101));
    attempt(() => res.setHeader('X-A', 'a\nb'));
    attempt(() => res.write(1));
    res.writeHead(200);
    attempt(() => res.setHeader('X-A', '1'));
    attempt(() => res.writeHead(200));
    res.end('done');
    res.end();
    codes.push(res.headersSent, res.writableEnded);
  });
  const client = http2Client(t, await serveTls(t, app));
  assert.equal((await ask2(client, '/')).text, 'done');
  assert.deepEqual(codes, [
    ...['ERR_HTTP_INVALID_STATUS_CODE', 'ERR_INVALID_CHAR', 'ERR_INVALID_ARG_TYPE'],
    ...['ERR_HTTP_HEADERS_SENT', 'ERR_HTTP_HEADERS_SENT', true, true],
  ]);
});

test('an answer that is whole ends its stream, and nothing follows', async (t) => {
  const app = express();
  app.get('/whole', (_req, res) => void res.send('hello'));
  app.get('/none', (_req, res) => void res.status(204).end());
  app.post('/unread', (_req, res) => void res.status(413).send('too long'));
  const client = await frameClient(t, await serveTls(t, app));
  const ended = (id: number): boolean =>
    client.frames.some(({ stream, flags }) => stream === id && (flags & endStream) > 0);
  client.headers(1, request('/whole'));
  client.headers(3, request('/none'));
  client.headers(
    5,
    [':method', 'POST', ...request('/unread').slice(2, 6), ':path', '/unread'],
    endHeaders,
  );
  await until(() => [1, 3, 5].every(ended), 'the end of all');
  const { payload } = await client.sees('RST_STREAM', 5);
  assert.equal(payload.readUInt32BE(), 0, 'NO_ERROR: the rest of the body is not wanted');
  client.headers(7, request('/whole'));
  await until(() => ended(7), 'one more');
  const resets = client.frames.filter(({ type }) => type === frameTypes.RST_STREAM);
  assert.deepEqual(
    resets.map(({ stream }) => stream),
    [5],
  );
});
