import assert from 'node:assert/strict';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import compression from 'compression';
import cors from 'cors';
import type { RequestHandler } from 'express';
import rateLimit from 'express-rate-limit';
import session from 'express-session';
import helmet from 'helmet';
import { WebSocketServer } from 'ws';
import { accessLog } from '../../lib/access-log/index.ts';
import { authGate } from '../../lib/auth-gate/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { wrap } from '../../lib/core/local-exchange.ts';
import { exchangeRaw, until } from '../support/servers.ts';
import { rawClient } from '../support/upgrades.ts';
import { startProxy, startSite } from './support.ts';

/** What the site itself sends, in its order; a middleware of the app has an own word on most of it. */
const ofSite = [
  ['Set-Cookie', 'site=1; Path=/'],
  ['Set-Cookie', 'lang=en'],
  ['Content-Security-Policy', "default-src 'site.test'"],
  ['X-Frame-Options', 'ALLOWALL'],
  ['Vary', 'Accept'],
  ['Link', '</site.css>; rel=preload'],
  ['ETag', '"site"'],
  ['Cache-Control', 'public, max-age=60'],
  ['Date', 'Tue, 01 Jan 2030 00:00:00 GMT'],
  ['X-Powered-By', 'PHP/8'],
  ['Content-Type', 'text/plain'],
] as const;

const body = 'the site '.repeat(300);

/** A site that sends this. With `/bare` it sends next to nothing. */
async function site(t: TestContext): Promise<string> {
  const { port } = await startSite(t, (req, res) => {
    if (req.url !== '/bare') {
      for (const [name, value] of ofSite) res.appendHeader(name, value);
      if (req.url === '/cacheable') res.removeHeader('set-cookie');
    }
    res.end(body);
  });
  return `site.test:${port}`;
}

const sessions = (): RequestHandler =>
  session({ secret: 's', name: 'own', resave: true, saveUninitialized: true });

const marks: RequestHandler = (_req, res, next) => {
  res.cookie('app', '1');
  res.set({
    'Cache-Control': 'private',
    ETag: '"app"',
    Link: '</app.css>; rel=preload',
    Date: 'Wed, 02 Jan 2030 00:00:00 GMT',
    'Content-Type': 'text/html',
    'Content-Length': '7',
    'Server-Timing': 'app',
    'X-App': 'app',
  });
  next();
};

/** What touches answers, and where it stands in the chain. */
const chains: readonly [name: string, make: () => RequestHandler[]][] = [
  ['express-session', () => [sessions()]],
  ['helmet', () => [helmet()]],
  ['cors', () => [cors({ origin: true, credentials: true })]],
  ['express-rate-limit', () => [rateLimit({ limit: 9, standardHeaders: 'draft-8' })]],
  ['fields of all sorts', () => [marks]],
  ['all of them', () => [marks, sessions(), helmet(), cors()]],
  [
    'sessions in sessions',
    () => [
      sessions(),
      marks,
      session({ secret: 't', name: 'two', resave: true, saveUninitialized: true }),
    ],
  ],
  ['all of them in front of a cache', () => [marks, sessions(), helmet(), cors(), own(cache())]],
  ['all of them behind a cache', () => [own(cache()), marks, sessions(), helmet(), cors()]],
  ['a wrapper between them', () => [marks, sessions(), transparent, helmet()]],
  [
    'wrappers and functions on the response in turn',
    () => [sessions(), transparent, sessions(), own(cache()), sessions(), marks],
  ],
  ['a hand on writeHead', () => [byHand]],
];

let closing: { close(): void }[] = [];
function own<Closable extends { close(): void }>(one: Closable): Closable {
  closing.push(one);
  return one;
}

const transparent: RequestHandler = (req, res, next) => {
  wrap(req, res, (dispatch) => dispatch);
  next();
};

/** Sets cookies at the last moment, and by the arguments of writeHead. */
const byHand: RequestHandler = (_req, res, next) => {
  const writeHead = res.writeHead.bind(res);
  res.writeHead = ((status: number) => {
    res.appendHeader('Set-Cookie', 'late=1');
    const cookies = [...[res.getHeader('set-cookie') ?? []].flat(), 'later=1'];
    return writeHead(status, { 'Set-Cookie': cookies.map(String), 'X-Late': '1' });
  }) as typeof res.writeHead;
  next();
};

/** Fields that belong to the proxy and to its connection with the client. */
const ofProxy =
  /^(?:via|cache-status|age|connection|keep-alive|content-length|transfer-encoding):/i;

function linesOf(text: string): string[] {
  return text
    .slice(0, text.indexOf('\r\n\r\n'))
    .split('\r\n')
    .slice(1)
    .filter((line) => !ofProxy.test(line))
    .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()))
    .sort();
}

function siteLines(without?: string): string[] {
  return ofSite
    .filter(([name]) => name !== without)
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .sort();
}

for (const [name, make] of chains)
  test(`the answer of a site carries what the site sent, and nothing of the app: ${name}`, async (t) => {
    closing = [];
    const authority = await site(t);
    const port = Number(authority.split(':')[1]);
    const before = make();
    const scene = await startProxy(t, { ports: [port] }, { before });
    for (const one of closing)
      t.after(() => {
        one.close();
      });
    const ask = (path: string, more = ''): Promise<{ text: string }> =>
      exchangeRaw(
        scene.port,
        `GET http://${authority}${path} HTTP/1.1\r\nHost: ${authority}\r\nOrigin: http://a.example\r\n${more}\r\n`,
      );
    const cookies = (await ask('/')).text;
    assert.deepEqual(linesOf(cookies), siteLines());
    assert.ok(cookies.endsWith(body));
    // The second one may come from a cache.
    for (const time of ['first', 'second']) {
      const { text } = await ask('/cacheable');
      assert.deepEqual(linesOf(text), siteLines('Set-Cookie'), time);
      assert.ok(text.endsWith(body));
    }
    const bare = linesOf((await ask('/bare')).text);
    assert.match(bare.join('\n'), /^date: (?!Wed, 02 Jan 2030).{29}$/, 'only a Date');
    const part = (await ask('/cacheable', 'If-None-Match: "site"\r\n')).text;
    assert.doesNotMatch(part, /own=|two=|app|late/);
  });

test('the record of the proxy and the request id are its own; compression still compresses', async (t) => {
  const authority = await site(t);
  const scene = await startProxy(
    t,
    { ports: [Number(authority.split(':')[1])] },
    {
      before: [
        accessLog({ stream: { write: () => undefined }, requestId: { respond: true } }),
        sessions(),
        compression({ threshold: 0 }),
      ],
    },
  );
  const { text } = await exchangeRaw(
    scene.port,
    `GET http://${authority}/cacheable HTTP/1.1\r\nHost: ${authority}\r\nAccept-Encoding: gzip\r\n\r\n`,
  );
  const lines = linesOf(text);
  assert.ok(lines.includes('content-encoding: gzip'));
  assert.ok(lines.includes('vary: Accept, Accept-Encoding'));
  assert.match(text, /^x-request-id: /im);
  assert.doesNotMatch(text, /own=/);
});

test('a refusal has the fields of the app, but none that a browser would remember for the site', async (t) => {
  const authority = await site(t);
  const port = Number(authority.split(':')[1]);
  const gate = authGate({ basic: { users: { a: 'b' } } });
  const scene = await startProxy(t, { ports: [1] }, { before: [helmet(), sessions(), marks] });
  const gated = await startProxy(
    t,
    { ports: [port] },
    { before: [helmet(), sessions(), marks, gate] },
  );
  const own = await startProxy(
    t,
    { ports: [port] },
    {
      before: [
        sessions(),
        (_req, res) => void res.writeHead(429, { 'Set-Cookie': 'x=1', 'Retry-After': '3' }).end(),
      ],
    },
  );
  const request = `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
  const connect = `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
  for (const [where, bytes, status] of [
    [scene.port, request, 403],
    [gated.port, request, 407],
    [gated.port, connect, 407],
  ] as const) {
    const { text } = await exchangeRaw(where, bytes);
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(text, /^X-App: app\r$/im);
    assert.match(text, /^Content-Security-Policy: /im);
    assert.doesNotMatch(text, /^(?:Set-Cookie|Strict-Transport-Security):/im);
  }
  const { text } = await exchangeRaw(own.port, request);
  assert.match(text, /^HTTP\/1\.1 429 [^]*\r\nRetry-After: 3\r\n/i);
  assert.doesNotMatch(text, /set-cookie/i);
});

test("a failure after the head of the site is the app's again", async (t) => {
  const dead = await startSite(t, (req) => void req.socket.destroy());
  const scene = await startProxy(
    t,
    { ports: [dead.port] },
    { before: [helmet(), sessions(), own(cache())] },
  );
  for (const one of closing.splice(0))
    t.after(() => {
      one.close();
    });
  const authority = `site.test:${dead.port}`;
  const { text } = await exchangeRaw(
    scene.port,
    `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\n\r\n`,
  );
  assert.match(text, /^HTTP\/1\.1 502 [^]*content-security-policy/i);
  assert.doesNotMatch(text, /set-cookie/i);
});

test('nor do WebSockets and plain HTTP in tunnels carry cookies of the app', async (t) => {
  const { port, server } = await startSite(t, (_req, res) =>
    res.appendHeader('Set-Cookie', 'site=1').end('page'),
  );
  const sockets = new WebSocketServer({ server });
  sockets.on('headers', (headers) => headers.push('Set-Cookie: ws=1'));
  const scene = await startProxy(
    t,
    { ports: [port], connectPorts: [port] },
    { before: [marks, sessions(), helmet()] },
  );
  const authority = `site.test:${port}`;
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const direct = await rawClient(
    scene.port,
    `GET ws://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\n${upgrade}`,
  );
  await direct.sees('\r\n\r\n');
  assert.match(direct.text, /^HTTP\/1\.1 101 [^]*set-cookie: ws=1/i);
  assert.doesNotMatch(direct.text, /own=|app|content-security/i);
  direct.socket.destroy();
  const tunnel = await rawClient(
    scene.port,
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`,
  );
  await tunnel.sees('\r\n\r\n');
  assert.doesNotMatch(tunnel.text, /set-cookie|x-/i);
  tunnel.socket.write(`GET / HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  await tunnel.sees('page');
  assert.match(tunnel.text, /set-cookie: site=1/i);
  assert.doesNotMatch(tunnel.text, /own=|app|content-security/i);
  tunnel.socket.destroy();
  await once(tunnel.socket, 'close');
  await until(() => scene.proxy.tunnels === 0, 'the end of the tunnel');
  sockets.close();
});
