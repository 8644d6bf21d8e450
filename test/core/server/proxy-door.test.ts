import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import compression from 'compression';
import session from 'express-session';
import express, { type Express, type RequestHandler } from 'express';
import { contextOf } from '../../../lib/core/context.ts';
import { socketOwners } from '../../../lib/core/taken-sockets.ts';
import type { Transaction } from '../../../lib/core/transaction.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { errorPages } from '../../../lib/error-pages/index.ts';
import { exchangeRaw, listen, until } from '../../support/servers.ts';
import { answerOf, ask2, http2Client, serveTls } from '../../support/tls.ts';
import { echo, rawClient } from '../../support/upgrades.ts';

async function attached(t: TestContext, app: Express): Promise<number> {
  const { server, port } = await listen(t, app);
  attach(server);
  t.after(() => {
    for (const owner of socketOwners(server)) owner.destroy();
  });
  return port;
}

const absolute = (target: string, more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: other.example\r\n${more}\r\n`;
const connects = (target: string): string =>
  `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;

function files(): RequestHandler {
  const root = mkdtempSync(join(tmpdir(), 'sekisho-static-'));
  mkdirSync(join(root, 'other.example'));
  writeFileSync(join(root, 'other.example', 'secret'), 'LOCAL');
  writeFileSync(join(root, 'index.html'), 'LOCAL');
  return express.static(root);
}

/** What would answer `GET http://other.example/…` as if it were its own. */
const locals: readonly [name: string, add: (app: Express) => unknown][] = [
  ['a route', (app) => app.get('/admin', (_req, res) => void res.send('LOCAL'))],
  ['a parameter', (app) => app.get('/:page', (_req, res) => void res.send('LOCAL'))],
  ['parameters', (app) => app.get('/:a/:b', (_req, res) => void res.send('LOCAL'))],
  ['a mount with a parameter', (app) => app.use('/:tenant', (_req, res) => void res.send('LOCAL'))],
  ['a splat', (app) => app.get('/*splat', (_req, res) => void res.send('LOCAL'))],
  ['an optional splat', (app) => app.all('/{*splat}', (_req, res) => void res.send('LOCAL'))],
  ['a pattern', (app) => app.get(/admin/, (_req, res) => void res.send('LOCAL'))],
  [
    'a router',
    (app) => app.use(express.Router().get('/admin', (_req, res) => void res.send('LOCAL'))),
  ],
  ['an app', (app) => app.use(express().use((_req, res) => void res.send('LOCAL')))],
  ['a catch-all', (app) => app.use((_req, res) => void res.send('LOCAL'))],
  ['a catch-all 404', (app) => app.use((_req, res) => void res.status(404).send('LOCAL'))],
  ['a redirect', (app) => app.use((_req, res) => res.redirect('/LOCAL'))],
  ['files', (app) => app.use(files())],
  ['a late answer', (app) => app.use((_req, res) => void setTimeout(() => res.end('LOCAL'), 5))],
  [
    'pieces',
    (app) =>
      app.use((_req, res) => {
        res.write('LOC');
        res.end('AL', () => undefined);
      }),
  ],
  [
    'a head of its own',
    (app) => app.use((_req, res) => void res.writeHead(200, { 'X-L': 'LOCAL' }).end()),
  ],
  [
    'compression',
    (app) =>
      app.use(compression({ threshold: 0 }), (_req, res) => void res.send('LOCAL'.repeat(99))),
  ],
  [
    'a session',
    (app) =>
      app.use(
        session({ secret: 's', resave: true, saveUninitialized: true }),
        (_req, res) => void res.send('LOCAL'),
      ),
  ],
];

const requests: readonly [name: string, bytes: string][] = [
  ['absolute-form', absolute('http://other.example/admin')],
  ['absolute-form with a port', absolute('http://other.example:8080/secret')],
  ['absolute-form without a path', absolute('http://other.example')],
  ['absolute-form in capitals', absolute('HTTP://OTHER.example/admin')],
  ['absolute-form of this very server', absolute('http://127.0.0.1/admin')],
  ['CONNECT', connects('other.example:443')],
];

for (const [local, add] of locals)
  test(`no local route answers a request to a forward proxy: ${local}`, async (t) => {
    const app = express();
    add(app);
    const port = await attached(t, app);
    for (const [name, bytes] of requests) {
      const { text } = await exchangeRaw(port, bytes, { silence: 60 });
      assert.match(text, /^HTTP\/1\.1 421 /, name);
      assert.doesNotMatch(text, /LOC|set-cookie|location/i, name);
      assert.match(text, /is no proxy for that destination/, name);
    }
    assert.match(
      (await exchangeRaw(port, absolute('/admin'), { silence: 60 })).text,
      /^HTTP\/1\.1 (?:[234])/,
    );
  });

test('a reverse proxy does not take requests to a forward proxy', async (t) => {
  let asked = 0;
  const behind = await listen(t, (_req, res) => (asked++, void res.end('LOCAL')));
  const port = await attached(t, express().use(balancedProxy(behind.url)));
  for (const [, bytes] of requests)
    assert.match((await exchangeRaw(port, bytes, { silence: 60 })).text, /^HTTP\/1\.1 421 /);
  assert.equal(asked, 0);
});

test('refusals of gates and limiters are answers', async (t) => {
  const app = express();
  app.use((_req, res) => void res.status(429).set('Retry-After', '7').send('slowly'));
  const port = await attached(t, app);
  for (const [name, bytes] of requests) {
    const { text } = await exchangeRaw(port, bytes, { silence: 60 });
    assert.match(text, /^HTTP\/1\.1 429 /, name);
    assert.match(text, /retry-after: 7/i, name);
  }
});

test('the chain sees where a request wants to go, and what the client has sent', async (t) => {
  const seen: unknown[] = [];
  const app = express().use((req, res) => {
    const { proxied, destination, upgrade } = contextOf(req);
    seen.push([req.method, req.url, req.originalUrl, proxied, destination?.href, typeof upgrade]);
    res.status(403).end();
  });
  const port = await attached(t, app);
  await exchangeRaw(port, absolute('HTTP://Other.example:8080/a%2Fb?c'), { silence: 60 });
  await exchangeRaw(port, connects('[2001:DB8:0::1]:443'), { silence: 60 });
  await exchangeRaw(port, absolute('/a'), { silence: 60 });
  await exchangeRaw(port, absolute('//other.example/a'), { silence: 60 });
  await exchangeRaw(port, 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', { silence: 60 });
  assert.deepEqual(seen, [
    [
      'GET',
      '//other.example:8080/a%2Fb?c',
      'HTTP://Other.example:8080/a%2Fb?c',
      true,
      'http://other.example:8080/a%2Fb?c',
      'undefined',
    ],
    ['CONNECT', '//[2001:db8::1]:443/', '[2001:DB8:0::1]:443', true, '[2001:db8::1]:443', 'object'],
    ['GET', '/a', '/a', false, undefined, 'undefined'],
    ['GET', '//other.example/a', '//other.example/a', false, undefined, 'undefined'],
    ['OPTIONS', '*', '*', false, undefined, 'undefined'],
  ]);
});

const malformed: readonly [name: string, bytes: string][] = [
  ['userinfo', absolute('http://user@other.example/')],
  ['a percent sign', absolute('http://other%2eexample/')],
  ['a backslash', absolute('http://other.example\\@evil.example/')],
  ['https', absolute('https://other.example/')],
  ['another scheme', absolute('ftp://other.example/')],
  ['no host', absolute('http:///admin')],
  ['a port out of range', absolute('http://other.example:65536/')],
  ['a zone id', absolute('http://[fe80::1%25eth0]/')],
  ['no URL', absolute('other.example/admin')],
  ['CONNECT without a port', connects('other.example')],
  ['CONNECT with a path', connects('other.example:443/x')],
  ['CONNECT with userinfo', connects('user@other.example:443')],
  [
    'CONNECT with a body',
    'CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\nContent-Length: 3\r\n\r\nabc',
  ],
];

for (const [name, bytes] of malformed)
  test(`the door refuses, with one record, and the app sees nothing: ${name}`, async (t) => {
    const records: Transaction[] = [];
    const keep = (record: unknown): void => void records.push(record as Transaction);
    subscribe('sekisho:transaction', keep);
    t.after(() => unsubscribe('sekisho:transaction', keep));
    let called = false;
    const port = await attached(
      t,
      express().use(() => void (called = true)),
    );
    const { text } = await exchangeRaw(port, bytes, { silence: 60 });
    assert.match(text, /^HTTP\/1\.1 400 /);
    assert.match(text, /connection: close/i);
    await until(() => records.length === 1, 'a record');
    const [record] = records;
    assert.deepEqual([record?.status, record?.outcome], [400, 'refused']);
    assert.equal(record?.client, '127.0.0.1');
    assert.equal(called, false);
  });

test('a target of 100 KB is refused, and the server lives', async (t) => {
  const port = await attached(
    t,
    express().use((_req, res) => void res.send('here')),
  );
  const { text } = await exchangeRaw(port, absolute(`http://other.example/${'x'.repeat(100_000)}`));
  assert.match(text, /^HTTP\/1\.1 4(?:14|31) /);
  assert.match((await exchangeRaw(port, absolute('/'))).text, /here/);
});

test('a refused CONNECT leaves the connection for another request', async (t) => {
  const app = express();
  app.use((req, res, next) =>
    req.method === 'CONNECT'
      ? void res.status(407).set('Proxy-Authenticate', 'Basic realm="x"').end()
      : next(),
  );
  app.get('/', (_req, res) => void res.send('here'));
  const client = await rawClient(await attached(t, app), connects('other.example:443'));
  await client.sees('\r\n\r\n');
  assert.match(client.text, /^HTTP\/1\.1 407 [^]*connection: keep-alive/i);
  for (let time = 2; time < 14; time++) {
    client.socket.write(connects('other.example:443'));
    await until(() => client.text.split('HTTP/1.1 407').length === time + 1, `answer ${time}`);
  }
  client.socket.write(absolute('/'));
  await client.sees('here');
  client.socket.destroy();
});

for (const [name, more, early] of [
  ['that asks for it', 'Connection: close\r\n', ''],
  ['of HTTP/1.0', 'HTTP/1.0', ''],
  ['that has sent more already', '', '\x16\x03\x01'],
] as const)
  test(`a refused CONNECT ends the connection of a client ${name}`, async (t) => {
    const port = await attached(
      t,
      express().use((_req, res) => void res.status(407).end()),
    );
    const version = more === 'HTTP/1.0' ? more : 'HTTP/1.1';
    const head = `CONNECT other.example:443 ${version}\r\nHost: other.example:443\r\n${more === version ? '' : more}\r\n`;
    const { text, closed } = await exchangeRaw(port, head + early, { silence: 1000 });
    assert.match(text, /^HTTP\/1\.1 407 /);
    assert.match(text, /connection: close/i);
    assert.equal(text.split('HTTP/1.1 ').length, 2);
    assert.ok(closed);
  });

test('CONNECT listeners of others get what the app leaves alone, as they would have got it', async (t) => {
  const server = createServer(express());
  const { port } = await listen(t, server);
  server.on('connect', (req, socket) => {
    socket.end(`HTTP/1.1 200 OK\r\n\r\nown ${String(req.url)}`);
  });
  attach(server);
  const { text } = await exchangeRaw(port, connects('other.example:443'), { silence: 60 });
  assert.match(text, /own other\.example:443$/);
});

test('a handler of the app may take a CONNECT', async (t) => {
  const app = express().use((req, res, next) => {
    if (req.method !== 'CONNECT') {
      next();
      return;
    }
    contextOf(req).claim();
    res.writeHead(200);
    echo(req);
  });
  const client = await rawClient(await attached(t, app), connects('other.example:443'));
  await client.sees('Switching');
  client.socket.write('hello');
  await client.sees('hello');
  client.socket.destroy();
});

test('an upgrade in absolute-form is for no local WebSocket server', async (t) => {
  const server = createServer(express());
  const { port } = await listen(t, server);
  attach(server);
  let called = false;
  server.on('upgrade', () => (called = true));
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  const { text } = await exchangeRaw(port, absolute('ws://other.example/own', upgrade), {
    silence: 60,
  });
  assert.match(text, /^HTTP\/1\.1 421 /);
  assert.equal(called, false);
});

test('an error in the chain reaches the error pages, a client that leaves harms nobody', async (t) => {
  const app = express();
  app.use(() => {
    throw Object.assign(new Error('teapot'), { status: 418, expose: true });
  });
  app.use(errorPages());
  const port = await attached(t, app);
  for (const [name, bytes] of requests)
    assert.match(
      (await exchangeRaw(port, bytes, { silence: 60 })).text,
      /^HTTP\/1\.1 418 [^]*teapot/,
      name,
    );
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(connects('other.example:443'));
  socket.resetAndDestroy();
  assert.match((await exchangeRaw(port, absolute('http://a.example/'))).text, /418/);
});

test('over HTTP/2 nothing is proxied: CONNECT is a 405, another authority is a local request', async (t) => {
  const seen: unknown[] = [];
  const app = express().use((req, res) => {
    seen.push([req.url, req.headers.host, contextOf(req).proxied]);
    res.send('here');
  });
  const session = http2Client(t, await serveTls(t, app));
  const local = await ask2(session, { ':path': '/a', ':authority': 'other.example' });
  assert.deepEqual([local.status, local.text], [200, 'here']);
  const tunnel = await answerOf(
    session.request({ ':method': 'CONNECT', ':authority': 'other.example:443' }),
  );
  assert.equal(tunnel.status, 405);
  const absolute = await ask2(session, { ':path': 'http://other.example/', ':authority': 'a' });
  assert.notEqual(absolute.status, 200);
  assert.deepEqual(seen, [['/a', 'other.example', false]]);
});

for (const [name, app] of [
  ['nobody answers', () => express()],
  ['a local route answers', () => express().use((_req, res) => void res.send('LOCAL'))],
] as const)
  test(`a 421 has one record: ${name}`, async (t) => {
    const records: Transaction[] = [];
    const keep = (record: unknown): void => void records.push(record as Transaction);
    subscribe('sekisho:transaction', keep);
    t.after(() => unsubscribe('sekisho:transaction', keep));
    const port = await attached(t, app());
    // The last one keeps its connection: the end of the answer has to do.
    for (const [at, [, bytes]] of requests.entries()) {
      await exchangeRaw(port, bytes, { silence: 60 });
      await until(() => records.length === at + 1, 'a record');
      const { status, outcome, error } = records[at]!;
      assert.deepEqual([status, outcome, error], [421, 'refused', 'ERR_SEKISHO_NOT_A_PROXY']);
    }
  });
