import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import express from 'express';
import { createProxyMiddleware, type Options } from 'http-proxy-middleware';
import { WebSocket, WebSocketServer } from 'ws';
import { once } from 'node:events';
import { upstream, type Upstream } from '../../../lib/core/upstream/upstream.ts';
import type { PoolOptions } from '../../../lib/core/upstream/pool-options.ts';
import { exchangeRaw, listen, listenRaw, until, type Listening } from '../../support/servers.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The two ways to use it. */
const ways: Record<string, (pool: Upstream) => Options> = {
  'spread into the options': (pool) => ({ ...pool.hpm(), logger: silent }),
  'named under plugins': (pool) => ({
    target: 'http://127.0.0.1:9',
    plugins: [pool.hpm()],
    logger: silent,
  }),
};

function poolOf(t: TestContext, urls: readonly string[], options: PoolOptions = {}): Upstream {
  const pool = upstream('images', urls, options);
  t.after(() => pool.destroy());
  return pool;
}

async function gateway(t: TestContext, options: Options): Promise<Listening> {
  const app = express().set('env', 'test');
  app.use(createProxyMiddleware({ changeOrigin: true, ...options }));
  return listen(t, app);
}

const named = (t: TestContext, name: string) => listen(t, (_req, res) => res.end(name));

async function bodies(url: string, count: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let time = 0; time < count; time++) {
    const response = await fetch(url);
    const body = response.ok ? await response.text() : String(response.status);
    await response.body?.cancel().catch(() => undefined);
    seen[body] = (seen[body] ?? 0) + 1;
  }
  return seen;
}

for (const [way, optionsOf] of Object.entries(ways)) {
  test(`${way}: requests are balanced, counted and measured`, async (t) => {
    const servers = await Promise.all(['a', 'b'].map((name) => named(t, name)));
    const pool = poolOf(
      t,
      servers.map(({ url }) => url),
      { balance: 'round-robin' },
    );
    const { url } = await gateway(t, optionsOf(pool));
    assert.deepEqual(await bodies(url, 10), { a: 5, b: 5 });
    await until(() => pool.servers.every(({ inflight }) => inflight === 0), 'nothing in flight');
    assert.ok(pool.servers.every(({ latency }) => latency !== undefined && latency > 0));
  });

  test(`${way}: a killed server costs one request`, async (t) => {
    const [a, b] = await Promise.all([named(t, 'a'), named(t, 'b')]);
    const pool = poolOf(t, [a.url, b.url], { balance: 'round-robin' });
    const { url } = await gateway(t, optionsOf(pool));
    await bodies(url, 4);
    a.server.closeAllConnections();
    a.server.close();
    // A reset of a kept connection proves nothing yet; the refused connection after it does.
    const seen = await bodies(url, 20);
    assert.ok((seen.b ?? 0) >= 18, JSON.stringify(seen));
    assert.equal(pool.servers[0]!.state, 'ejected');
  });

  test(`${way}: five errors in a row take a server out`, async (t) => {
    const sick = await listen(t, (_req, res) => res.writeHead(500).end());
    const well = await named(t, 'well');
    const pool = poolOf(t, [sick.url, well.url], { balance: 'round-robin' });
    const { url } = await gateway(t, optionsOf(pool));
    assert.deepEqual(await bodies(url, 20), { 500: 5, well: 15 });
  });

  test(`${way}: servers that a check calls down get nothing, and no server at all is a 503`, async (t) => {
    let well = true;
    const server = await listen(t, (_req, res) => res.writeHead(well ? 200 : 503).end('a'));
    const pool = poolOf(t, [server.url], { healthCheck: { path: '/', interval: 20, fall: 1 } });
    const { url } = await gateway(t, optionsOf(pool));
    assert.deepEqual(await bodies(url, 2), { a: 2 });
    well = false;
    await until(() => pool.servers[0]!.state === 'down', 'the check');
    const response = await fetch(url);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
    assert.match(await response.text(), /No server is available/);
  });

  test(`${way}: clients are bound, beside the server's own cookies`, async (t) => {
    const servers = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        listen(t, (_req, res) => res.setHeader('set-cookie', 'own=1').end(name)),
      ),
    );
    const pool = poolOf(
      t,
      servers.map(({ url }) => url),
      { sticky: true },
    );
    const { url } = await gateway(t, optionsOf(pool));
    const first = await fetch(url);
    const name = await first.text();
    const [own, ours] = first.headers.getSetCookie();
    assert.equal(own, 'own=1');
    assert.match(ours!, /^sekisho=/);
    for (let time = 0; time < 8; time++) {
      const next = await fetch(url, { headers: { cookie: ours!.split(';')[0]! } });
      assert.equal(await next.text(), name);
      assert.deepEqual(next.headers.getSetCookie(), ['own=1']);
    }
  });

  test(`${way}: a client that goes away frees its place and is no evidence`, async (t) => {
    const server = await listen(t, () => undefined);
    const pool = poolOf(t, [server.url]);
    const { port } = await gateway(t, optionsOf(pool));
    for (let time = 0; time < 6; time++) {
      const client = connect(port, '127.0.0.1');
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await until(() => pool.servers[0]!.inflight === 1, 'the request is in flight');
      client.destroy();
      await until(() => pool.servers[0]!.inflight === 0, 'the place is free');
    }
    assert.equal(pool.servers[0]!.state, 'unknown');
  });

  test(`${way}: a server that resets every connection is out after five`, async (t) => {
    const sick = await listenRaw(t, (socket) =>
      socket.once('data', () => socket.resetAndDestroy()),
    );
    const well = await named(t, 'well');
    const pool = poolOf(t, [sick.url, well.url], { balance: 'round-robin' });
    const { url } = await gateway(t, optionsOf(pool));
    assert.deepEqual(await bodies(url, 20), { 504: 5, well: 15 });
  });

  test(`${way}: WebSockets are balanced and counted while they are open`, async (t) => {
    const server = await listen(t, (_req, res) => res.end('http'));
    const sockets = new WebSocketServer({ server: server.server });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    const pool = poolOf(t, [server.url]);
    const proxy = createProxyMiddleware({ ...optionsOf(pool), ws: true });
    const front = await listen(t, express().use(proxy));
    await fetch(front.url).then((response) => response.text());
    const client = new WebSocket(front.url.replace('http', 'ws'));
    t.after(() => client.terminate());
    await once(client, 'open');
    assert.equal(pool.servers[0]!.inflight, 1);
    client.send('hello');
    assert.equal(String((await once(client, 'message'))[0]), 'hello');
    client.close();
    await until(() => pool.servers[0]!.inflight === 0, 'the place is free');
  });
}

test('an upgrade that finds no server gets a real answer', async (t) => {
  const pool = poolOf(t, ['http://127.0.0.1:9'], { healthCheck: { path: '/', interval: '1m' } });
  await until(() => pool.servers[0]!.state === 'down', 'the check');
  const proxy = createProxyMiddleware({ ...pool.hpm(), ws: true, logger: silent });
  const front = await listen(t, express().use(proxy));
  front.server.on('upgrade', proxy.upgrade);
  const { text, closed } = await exchangeRaw(
    front.port,
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  );
  assert.match(text, /^HTTP\/1\.1 503 /);
  assert.match(text, /\r\nRetry-After: 60\r\n/);
  assert.ok(closed);
});

test('unverified TLS is handed on only when the pool says so', (t) => {
  const plain = poolOf(t, ['http://127.0.0.1:9']).hpm();
  const unverified = poolOf(t, ['https://127.0.0.1:9'], {
    tls: { rejectUnauthorized: false },
  }).hpm();
  assert.equal('secure' in plain, false);
  assert.equal(unverified.secure, false);
});
