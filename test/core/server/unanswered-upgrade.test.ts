import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { test, type TestContext } from 'node:test';
import express, { type Express, type RequestHandler, type Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { WebSocketServer } from 'ws';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { useClock } from '../../../lib/core/clock.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { recorder } from '../../support/records.ts';
import { listen, until } from '../../support/servers.ts';
import { echo, rawClient, upgradeRequest } from '../../support/upgrades.ts';

const { createProxyMiddleware: proxyOfVersion3 } = createRequire(import.meta.url)(
  'http-proxy-middleware-3',
) as { createProxyMiddleware: typeof createProxyMiddleware };

const minute = 60_000;
const handshake = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

interface Attached {
  readonly port: number;
  /** How many waits of a minute there are. */
  readonly waits: () => number;
  /** The first of them is over. */
  readonly pass: () => void;
}

async function attached(t: TestContext, app: Express): Promise<Attached> {
  const waits = new Set<() => void>();
  const restore = useClock({
    after(milliseconds, callback) {
      if (milliseconds !== minute) {
        const timer = setTimeout(callback, milliseconds).unref();
        return () => clearTimeout(timer);
      }
      waits.add(callback);
      return () => void waits.delete(callback);
    },
  });
  t.after(restore);
  const { server, port } = await listen(t, app);
  attach(server, app);
  return {
    port,
    waits: () => waits.size,
    pass: () => {
      // The door's: it begins before the chain is asked.
      const [wait] = waits;
      if (wait === undefined) return;
      waits.delete(wait);
      wait();
    },
  };
}

async function webSocketServer(t: TestContext): Promise<{ target: string; asked: () => number }> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  let asked = 0;
  sockets.on('connection', () => void (asked += 1));
  server.on('upgrade', (_req, socket) => t.after(() => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  return { target: `http://127.0.0.1:${port}`, asked: () => asked };
}

for (const [title, mount] of [
  ['http-proxy-middleware 4', (target) => createProxyMiddleware({ target })],
  ['http-proxy-middleware 4 with ws', (target) => createProxyMiddleware({ target, ws: true })],
  ['http-proxy-middleware 3 with ws', (target) => proxyOfVersion3({ target, ws: true })],
] as [title: string, mount: (target: string) => RequestHandler][])
  test(`a WebSocket that ${title} sends on and never answers is a 501`, async (t) => {
    const { target, asked } = await webSocketServer(t);
    const { handler, record } = recorder();
    const { port, waits, pass } = await attached(t, express().use(handler, mount(target)));
    const client = await rawClient(port, upgradeRequest('/chat', handshake, 'websocket'));
    await until(() => asked() === 1, 'the upgrade at the server');
    assert.deepEqual([client.text, client.closed, waits()], ['', false, 1]);
    pass();
    await until(() => client.closed, 'the end of the connection');
    assert.match(client.text, /^HTTP\/1\.1 501 [^]*\r\nConnection: close\r\n/);
    assert.match(client.text, /"code":"ERR_SEKISHO_UPGRADE_REFUSED"/);
    const { status, outcome, error } = await record('/chat');
    assert.deepEqual([status, outcome, error], [501, 'refused', 'ERR_SEKISHO_UPGRADE_REFUSED']);
    assert.equal(waits(), 0);
  });

test('a CONNECT that a handler of the app never answers is a 421', async (t) => {
  const { port, waits, pass } = await attached(
    t,
    express().use(() => undefined),
  );
  const client = await rawClient(port, 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n');
  await until(() => waits() === 1, 'the wait');
  pass();
  await until(() => client.closed, 'the end of the connection');
  assert.match(client.text, /^HTTP\/1\.1 421 [^]*ERR_SEKISHO_NOT_A_PROXY/);
});

test('who answers later than that does not fail', async (t) => {
  let response: Response | undefined;
  let closed = false;
  const app = express().use((_req, res) => {
    response = res.on('close', () => (closed = true));
  });
  const { port, waits, pass } = await attached(t, app);
  const client = await rawClient(port, upgradeRequest('/'));
  await until(() => waits() === 1, 'the wait');
  pass();
  response!.set('X-Late', 'yes').send('too late');
  await until(() => client.closed && closed, 'the end of both');
  assert.match(client.text, /^HTTP\/1\.1 501 /);
  assert.doesNotMatch(client.text, /late/i);
});

for (const [title, handler] of [
  ['taken', echo],
  ['answered', (_req, res) => void res.write('{"one":1}')],
] as [title: string, handler: RequestHandler][])
  test(`what is ${title} in time goes on for as long as it likes`, async (t) => {
    const { port, waits, pass } = await attached(t, express().use(handler));
    const client = await rawClient(port, upgradeRequest('/'));
    await client.sees('HTTP/1.1 ');
    pass();
    assert.equal(waits(), 0);
    client.socket.write('more');
    if (handler === echo) await client.sees('more');
    assert.equal(client.closed, false);
    client.socket.destroy();
  });

test('what a forwarder has taken is left to its own limits', async (t) => {
  let socket: { destroy(): void; write(text: string): void } | undefined;
  const server = createServer().on('upgrade', (_req, given) => void (socket = given));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  t.after(() => socket?.destroy());
  const { port: behind } = server.address() as { port: number };
  const app = express().use(balancedProxy(`http://127.0.0.1:${behind}`));
  const { port, pass } = await attached(t, app);
  const client = await rawClient(port, upgradeRequest('/'));
  await until(() => socket !== undefined, 'the upgrade at the server');
  pass();
  socket!.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  await client.sees('101');
  client.socket.destroy();
});

test('a client that leaves before ends the wait', async (t) => {
  const { port, waits } = await attached(
    t,
    express().use(() => undefined),
  );
  const client = await rawClient(port, upgradeRequest('/'));
  await until(() => waits() === 1, 'the wait');
  client.socket.destroy();
  await until(() => waits() === 0, 'its end');
});
