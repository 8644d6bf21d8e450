import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import type { ForwarderOptions } from '../../../lib/core/upstream/forward.ts';
import { exchangeRaw, listen } from '../../support/servers.ts';
import express from 'express';
import { appWith, proxyTo, recording, type Seen } from './forward-support.ts';

const dropped: readonly (readonly [what: string, line: string])[] = [
  ['Keep-Alive', 'Keep-Alive: timeout=5'],
  ['Proxy-Connection', 'Proxy-Connection: keep-alive'],
  ['Proxy-Authorization', 'Proxy-Authorization: Basic eDp5'],
  ['Proxy (httpoxy)', 'Proxy: http://evil:1'],
  ['Upgrade', 'Upgrade: h2c'],
  ['HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
  ['identity: Remote-User', 'Remote-User: root'],
  ['identity: X-Forwarded-User', 'X-Forwarded-User: root'],
  ['identity: X-Forwarded-Email', 'X-Forwarded-Email: a@b'],
  ['identity: X-Auth-Request-Groups', 'X-Auth-Request-Groups: admin'],
  ['identity with underscores', 'X_Forwarded_User: root'],
  ['identity half with underscores', 'X-Forwarded_User: root'],
  ['X_Forwarded_For with underscores', 'X_Forwarded_For: 10.9.9.9'],
  ['Content_Length with underscores', 'Content_Length: 7'],
  ['Proxy_Authorization with underscores', 'Proxy_Authorization: Basic eDp5'],
  ['claim of a client: X-Real-IP', 'X-Real-IP: 10.9.9.9'],
  ['claim of a client: X-Original-URL', 'X-Original-URL: /admin'],
  ['claim of a client, with underscores', 'X_Real_IP: 10.9.9.9'],
  ['Transfer_Encoding with underscores', 'Transfer_Encoding: chunked'],
];

for (const [what, line] of dropped)
  test(`a request field that does not go on: ${what}`, async (t) => {
    const server = await recording(t);
    const { port } = await proxyTo(t, server.url);
    await exchangeRaw(port, `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\nX-Kept: 1\r\n\r\n`);
    const seen = server.seen[0]!;
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    assert.deepEqual(seen.all(name), []);
    assert.equal(seen.get('x-kept'), '1');
  });

test('fields that Connection names stay on their hop, those this proxy writes go on', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url);
  await exchangeRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nX-Hop: 1\r\nx-HOP: 2\r\nX-Stays: 3\r\n' +
      'Connection: X-Hop , close,, X-Forwarded-For\r\nConnection: host, via, content-length\r\n\r\n',
  );
  const seen = server.seen[0]!;
  assert.deepEqual(seen.all('x-hop'), []);
  assert.equal(seen.get('x-stays'), '3');
  assert.equal(seen.get('x-forwarded-for'), '127.0.0.1');
  assert.equal(seen.get('via'), '1.1 sekisho');
  assert.equal(seen.get('host'), server.url.slice('http://'.length));
  assert.equal(seen.get('connection'), 'keep-alive');
});

test('TE: trailers goes on, with the connection option RFC 9110 §10.1.4 demands; other codings do not', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url);
  await exchangeRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nTE: gzip;q=0.5, trailers\r\nConnection: TE\r\n\r\n',
  );
  await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nTE: gzip\r\nConnection: TE\r\n\r\n');
  const [wanted, unwanted] = server.seen as [Seen, Seen];
  assert.deepEqual(wanted.all('te'), ['trailers']);
  assert.match(wanted.get('connection') ?? '', /\bTE\b/i);
  assert.deepEqual(unwanted.all('te'), []);
  assert.doesNotMatch(unwanted.get('connection') ?? '', /\bTE\b/i);
});

test('order, repetition, spelling and latin1 bytes of request fields are kept', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url, { forwarded: false, via: false });
  await exchangeRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nX-b: 1\r\nx-A: caf\xe9 \xff\r\nX-B: 2\r\nAccept:\r\nCookie: a=1\r\nCookie: b=2\r\nx-b: 1\r\n\r\n',
  );
  const own = ['host', 'connection'];
  const pairs = server.seen[0]!.fields.flatMap((name, at, all) =>
    at % 2 === 0 && !own.includes(name.toLowerCase()) ? [`${name}: ${all[at + 1]!}`] : [],
  );
  assert.deepEqual(pairs, [
    'X-b: 1',
    'x-A: caf\xe9 \xff',
    'X-B: 2',
    'Accept: ',
    'Cookie: a=1',
    'Cookie: b=2',
    'x-b: 1',
  ]);
});

const way: readonly (readonly [
  what: string,
  options: ForwarderOptions,
  trust: unknown,
  lines: string,
  expected: Readonly<Record<string, readonly string[]>>,
])[] = [
  [
    'nothing from the client',
    {},
    false,
    '',
    {
      'x-forwarded-for': ['127.0.0.1'],
      'x-forwarded-proto': ['http'],
      'x-forwarded-host': ['shop.example:81'],
      'x-forwarded-port': ['81'],
      'x-forwarded-prefix': [],
      forwarded: [],
      via: ['1.1 sekisho'],
    },
  ],
  [
    'an untrusted client forges all of it',
    {},
    false,
    'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /evil\r\nForwarded: for=6.6.6.6\r\n',
    {
      'x-forwarded-for': ['127.0.0.1'],
      'x-forwarded-proto': ['http'],
      'x-forwarded-host': ['shop.example:81'],
      'x-forwarded-port': ['81'],
      'x-forwarded-prefix': [],
      forwarded: [],
    },
  ],
  [
    'a trusted peer says it, on two lines',
    {},
    'loopback',
    'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example\r\nX-Forwarded-Port: 444\r\nX-Forwarded-Prefix: /outer\r\n',
    {
      'x-forwarded-for': ['6.6.6.6, 7.7.7.7, 127.0.0.1'],
      'x-forwarded-proto': ['https'],
      'x-forwarded-host': ['www.example'],
      'x-forwarded-port': ['444'],
      'x-forwarded-prefix': ['/outer'],
    },
  ],
  [
    'another peer is trusted, not this one',
    {},
    '10.0.0.1',
    'X-Forwarded-For: 6.6.6.6\r\n',
    { 'x-forwarded-for': ['127.0.0.1'] },
  ],
  [
    'Forwarded in place of X-Forwarded-*',
    { forwarded: 'rfc7239' },
    false,
    'Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n',
    {
      forwarded: ['for=127.0.0.1;host="shop.example:81";proto=http'],
      'x-forwarded-for': [],
      'x-forwarded-host': [],
    },
  ],
  [
    'Forwarded appended for a trusted peer, beside X-Forwarded-*',
    { forwarded: 'both' },
    true,
    'Forwarded: for=6.6.6.6\r\nForwarded: for="[::1]"\r\nX-Forwarded-For: 6.6.6.6\r\n',
    {
      forwarded: ['for=6.6.6.6, for="[::1]", for=127.0.0.1;host="shop.example:81";proto=http'],
      'x-forwarded-for': ['6.6.6.6, 127.0.0.1'],
    },
  ],
  [
    'none of them',
    { forwarded: false, via: false },
    false,
    'X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n',
    { forwarded: [], 'x-forwarded-for': [], via: [] },
  ],
  [
    'Via is appended to what came, whoever sent it',
    { via: 'edge' },
    false,
    'Via: 1.0 fred\r\nVia: 1.1 p.example (x)\r\n',
    { via: ['1.0 fred, 1.1 p.example (x), 1.1 edge'] },
  ],
];

for (const [what, options, trust, lines, expected] of way)
  test(`fields of the way: ${what}`, async (t) => {
    const server = await recording(t);
    const { port } = await appWith(t, (app) => {
      app.set('trust proxy', trust);
      app.use(balancedProxy(server.url, options));
    });
    await exchangeRaw(port, `GET / HTTP/1.1\r\nHost: shop.example:81\r\n${lines}\r\n`);
    for (const [name, values] of Object.entries(expected))
      assert.deepEqual(server.seen[0]?.all(name), values, name);
  });

test('an HTTP/1.0 client without Host: no X-Forwarded-Host, Via says 1.0', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url);
  await exchangeRaw(port, 'GET / HTTP/1.0\r\n\r\n');
  const seen = server.seen[0]!;
  assert.deepEqual(seen.all('x-forwarded-host'), []);
  assert.equal(seen.get('x-forwarded-port'), '80');
  assert.equal(seen.get('via'), '1.0 sekisho');
  assert.equal(seen.get('host'), server.url.slice('http://'.length));
});

const prefixes: readonly (readonly [keepPrefix: boolean, url: string, prefix: string[]])[] = [
  [false, '/x?y', ['/outer/Inner']],
  [true, '/outer/Inner/x?y', []],
];

for (const [keepPrefix, url, prefix] of prefixes)
  test(`nested mounts, keepPrefix ${keepPrefix}: the server is asked for ${url}`, async (t) => {
    const server = await recording(t);
    const { port } = await appWith(t, (app) => {
      const router = express.Router();
      router.use('/inner', balancedProxy(server.url, { keepPrefix }));
      app.use('/outer', router);
    });
    await exchangeRaw(port, 'GET /outer/Inner/x?y HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(server.seen[0]?.url, url);
    assert.deepEqual(server.seen[0].all('x-forwarded-prefix'), prefix);
  });

test('a trusted outer proxy and an own mount: both prefixes, outermost first', async (t) => {
  const server = await recording(t);
  const { port } = await appWith(t, (app) => {
    app.set('trust proxy', true).use('/in', balancedProxy(server.url));
  });
  await exchangeRaw(port, 'GET /in/x HTTP/1.1\r\nHost: a\r\nX-Forwarded-Prefix: /out/\r\n\r\n');
  assert.equal(server.seen[0]?.get('x-forwarded-prefix'), '/out/in');
});

test("changeOrigin: false hands the client's Host on; by default the server gets its own", async (t) => {
  const server = await recording(t);
  const kept = await proxyTo(t, server.url, { changeOrigin: false });
  const changed = await proxyTo(t, server.url);
  for (const { port } of [kept, changed])
    await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: Shop.example:81\r\n\r\n');
  assert.deepEqual(server.seen[0]?.all('host'), ['Shop.example:81']);
  assert.deepEqual(server.seen[1]?.all('host'), [server.url.slice('http://'.length)]);
  assert.equal(server.seen[1].get('x-forwarded-host'), 'Shop.example:81');
});

test('headers.request may set the Host', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url, {
    headers: { request: { host: 'other.example' } },
  });
  await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.deepEqual(server.seen[0]?.all('host'), ['other.example']);
});

test('headers.request sets, repeats, takes out, and wins over client and proxy', async (t) => {
  const server = await recording(t);
  const { port } = await proxyTo(t, server.url, {
    headers: {
      request: {
        'X-Key': 'secret',
        'X-Many': ['1', '2'],
        cookie: null,
        'User-Agent': false,
        'X-Forwarded-For': 'hidden',
        Via: null,
        'X-Latin': 'caf\xe9',
      },
    },
  });
  await exchangeRaw(
    port,
    'GET / HTTP/1.1\r\nHost: a\r\nX-KEY: mine\r\nCookie: a=1\r\nCookie: b=2\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n',
  );
  const seen = server.seen[0]!;
  assert.deepEqual(seen.all('x-key'), ['secret']);
  assert.deepEqual(seen.all('x-many'), ['1', '2']);
  assert.deepEqual(seen.all('cookie'), []);
  assert.deepEqual(seen.all('user-agent'), []);
  assert.deepEqual(seen.all('x-forwarded-for'), ['hidden']);
  assert.deepEqual(seen.all('via'), []);
  assert.deepEqual(seen.all('x-latin'), ['caf\xe9']);
  assert.equal(seen.get('accept'), '*/*');
});

test('what proxies in front say in fields of their own goes on when `trust proxy` trusts them', async (t) => {
  const server = await recording(t);
  const app = express().set('trust proxy', 'loopback').use(balancedProxy(server.url));
  const { port } = await listen(t, app);
  await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 10.9.9.9\r\n\r\n');
  assert.equal(server.seen[0]!.get('x-real-ip'), '10.9.9.9');
});

test('a proxy whose target is itself answers 508 and stops', async (t) => {
  const app = express();
  const { port, url } = await listen(t, app);
  let passes = 0;
  app.use((_req, _res, next) => {
    passes++;
    next();
  }, balancedProxy(url));
  const { text } = await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(text, /^HTTP\/1\.1 508 /);
  assert.equal(passes, 9);
});

test('a row of proxies of the same name is no loop', async (t) => {
  const server = await recording(t);
  const inner = await proxyTo(t, server.url);
  const outer = await proxyTo(t, inner.url);
  const { text } = await exchangeRaw(outer.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.equal(server.seen[0]!.get('via'), '1.1 sekisho, 1.1 sekisho');
});
