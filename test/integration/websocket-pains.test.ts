/** What users of other Node proxies complain of with WebSockets (numbers are of their issue trackers), shown solved. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:http';
import test, { type TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { socketOwners } from '../../lib/core/taken-sockets.ts';
import { upstream } from '../../lib/core/upstream/upstream.ts';
import {
  attachedApp,
  attachedProxy,
  headServer,
  logIn,
  openSocket,
  requireLogin,
  socketServer,
  switching,
  upgradingClient,
} from '../core/upstream/upgrade-support.ts';
import { until } from '../support/servers.ts';

test('a first, cold upgrade does not wait for an HTTP request to come before', async (t) => {
  const server = await socketServer(t);
  const { ws } = await attachedProxy(t, server.url);
  const { ask } = await openSocket(t, ws);
  assert.equal(String(await ask('cold')), 'cold');
});

test('who may not GET may not upgrade either: session and gate see both (http-proxy-middleware #366)', async (t) => {
  const server = await socketServer(t);
  const { ws, url } = await attachedApp(t, (app) => {
    requireLogin(app);
    app.use(balancedProxy(server.url));
  });
  assert.equal((await fetch(url)).status, 401);
  await assert.rejects(openSocket(t, ws), /Unexpected server response: 401/);
  assert.equal(server.seen.length, 0);
  const cookie = await logIn(url);
  assert.equal((await fetch(url, { headers: { cookie } })).status, 200);
  const { ask } = await openSocket(t, ws, { headers: { cookie } });
  assert.equal(String(await ask('ann')), 'ann');
});

test('several proxies and a foreign listener do not fight over one socket (http-proxy-middleware #463)', async (t) => {
  const [one, two] = await Promise.all([socketServer(t), socketServer(t)]);
  const { ws, server } = await attachedApp(t, (app) => {
    app.use('/one', balancedProxy(one.url));
    app.use('/two', balancedProxy(two.url));
  });
  const beside = new WebSocketServer({ server, path: '/beside' });
  t.after(() => {
    for (const client of beside.clients) client.terminate();
  });
  beside.on('connection', (client) => {
    client.on('message', () => {
      client.send('beside');
    });
  });
  const opened = await Promise.all(
    ['/one', '/two', '/beside', '/one', '/two', '/beside'].map((path) => openSocket(t, ws + path)),
  );
  const answers = await Promise.all(opened.map(({ ask }, index) => ask(String(index))));
  assert.deepEqual(answers.map(String), ['0', '1', 'beside', '3', '4', 'beside']);
  assert.deepEqual([one.seen.length, two.seen.length], [2, 2]);
  await assert.rejects(openSocket(t, `${ws}/nobody`), /Unexpected server response: 400/);
});

test('the mount path decides where an upgrade goes, and is taken off (http-proxy-middleware #301)', async (t) => {
  const server = await socketServer(t);
  const { ws } = await attachedApp(t, (app) => {
    app.use('/deep/chat', balancedProxy(server.url));
  });
  await openSocket(t, `${ws}/deep/chat/room?x=1`);
  assert.equal(server.seen[0]?.url, '/room?x=1');
  await assert.rejects(openSocket(t, `${ws}/deep/chatter`), /Unexpected server response: 404/);
  assert.equal(server.seen.length, 1);
});

test('a server that dies under its WebSockets and comes back is no end of the proxy (http-proxy-middleware #476, #327)', async (t) => {
  let server = await restartable(t, 0);
  const { ws } = await attachedProxy(t, `http://127.0.0.1:${server.port}`);
  const before = await Promise.all([1, 2, 3].map(() => openSocket(t, ws)));
  await server.kill();
  assert.deepEqual(await Promise.all(before.map(({ closed }) => closed)), [1006, 1006, 1006]);
  await assert.rejects(openSocket(t, ws), /Unexpected server response: 503/);
  server = await restartable(t, server.port);
  await until(
    () =>
      openSocket(t, ws).then(
        () => true,
        () => false,
      ),
    'it is back',
  );
  await server.kill();
});

/** A WebSocket server whose sockets are all reset when it is killed. */
async function restartable(
  t: TestContext,
  port: number,
): Promise<{ port: number; kill: () => Promise<void> }> {
  const server = createServer();
  const taken = new Set<Socket>();
  server.on('connection', (socket) => {
    taken.add(socket);
    socket.on('error', () => undefined);
  });
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('error', () => undefined);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as { port: number };
  const kill = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    for (const socket of taken) socket.resetAndDestroy();
    await closed;
  };
  t.after(() => {
    for (const socket of taken) socket.destroy();
    server.close();
  });
  return { port: address.port, kill };
}

test('no socket is left of upgrades that ended anyhow (node-http-proxy #1510)', async (t) => {
  const far = new Set<Socket>();
  const server = await headServer(t, (socket, head) => {
    far.add(socket);
    socket.on('close', () => far.delete(socket)).resume();
    if (head.startsWith('GET /silent')) return;
    if (head.startsWith('GET /resets')) socket.resetAndDestroy();
    else socket.write(switching());
    if (head.startsWith('GET /closes')) socket.end();
  });
  const pool = upstream('chat', [server.url], { ejection: false, retries: { attempts: 1 } });
  const proxy = await attachedProxy(t, pool);
  const ends = ['/silent', '/resets', '/closes', '/open'];
  for (let round = 0; round < 10; round++)
    for (const path of ends) {
      const client = await upgradingClient(t, proxy.port, path);
      const { socket } = client;
      if (path === '/open') await client.sees('101');
      if (round % 3 === 0) socket.end();
      else if (round % 3 === 1) socket.destroy();
      else socket.resetAndDestroy();
    }
  await until(() => pool.servers[0]?.inflight === 0, 'nothing in flight');
  await until(() => far.size === 0, 'no socket to the server');
  await until(() => socketOwners(proxy.server).length === 0, 'no socket of a client');
  await pool.close();
});

test('thirty proxies on one server warn of nothing (http-proxy-middleware #108)', async (t) => {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listener);
  t.after(() => process.off('warning', listener));
  const server = await socketServer(t);
  const { ws, server: front } = await attachedApp(t, (app) => {
    for (let index = 0; index < 30; index++) app.use(`/${index}`, balancedProxy(server.url));
  });
  for (let index = 0; index < 30; index++) await openSocket(t, `${ws}/${index}`);
  assert.equal(server.seen.length, 30);
  assert.equal(front.listenerCount('upgrade'), 1);
  assert.deepEqual(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  );
});
