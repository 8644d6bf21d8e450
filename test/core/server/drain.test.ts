import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test, { type TestContext } from 'node:test';
import express, { type Express } from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import { contextOf } from '../../../lib/core/context.ts';
import { serve, type Serving } from '../../../lib/core/server/serve.ts';
import { ownSocket } from '../../../lib/core/taken-sockets.ts';
import { until } from '../../support/servers.ts';
import { echo, rawClient, upgradeRequest } from '../../support/upgrades.ts';

async function serving(
  t: TestContext,
  app: Express,
  gracePeriod: number,
): Promise<Serving & { port: number }> {
  const result = await serve(app, { host: '127.0.0.1', gracePeriod });
  t.after(() => result.server.closeAllConnections());
  return { ...result, port: Number(new URL(result.url).port) };
}

const ask = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

test('requests in flight finish, and their connections end with them', async (t) => {
  const app = express();
  const answers: (() => void)[] = [];
  app.get('/', (_req, res) => void answers.push(() => res.send('finished')));
  app.get('/begun', (_req, res) => {
    res.write('begun ');
    answers.push(() => res.end('and finished'));
  });
  const { port, close } = await serving(t, app, 60_000);
  const waiting = await rawClient(port, ask('/'));
  const reading = await rawClient(port, ask('/begun'));
  await reading.sees('begun');
  await until(() => answers.length === 2, 'both requests');
  const closed = close();
  assert.equal(close(), closed);
  for (const answer of answers) answer();
  await closed;
  await until(() => waiting.closed && reading.closed, 'the end of both');
  assert.match(waiting.text, /\r\nConnection: close\r\n[^]*finished$/);
  assert.match(reading.text, /and finished/);
});

test('idle and unused connections are closed at once, new ones refused', async (t) => {
  const app = express().use((_req, res) => void res.send('ok'));
  const { port, close, url } = await serving(t, app, 60_000);
  const idle = await rawClient(port, ask('/'));
  await idle.sees('ok');
  const unused = await rawClient(port, '');
  const closed = close();
  await until(() => idle.closed && unused.closed, 'the end of both');
  await closed;
  await assert.rejects(fetch(url), /fetch failed/);
});

test('a request that comes on a kept connection is answered, and the connection ends', async (t) => {
  const app = express();
  let finish: (() => void) | undefined;
  app.get('/slow', (_req, res) => void (finish = () => res.send('slow')));
  app.get('/late', (_req, res) => void res.send('late'));
  const { port, close } = await serving(t, app, 60_000);
  // The head is not complete yet: the connection is no idle one.
  const late = await rawClient(port, 'GET /late HTTP/1.1\r\nHost: a\r\n');
  const slow = await rawClient(port, ask('/slow'));
  await until(() => finish !== undefined, 'the slow request');
  const closed = close();
  late.socket.write('\r\n');
  await late.sees('late');
  assert.match(late.text, /\r\nConnection: close\r\n/);
  finish!();
  await closed;
  await slow.sees('slow');
});

test('a slow reader gets its whole answer', async (t) => {
  const size = 8_000_000;
  const app = express().use((_req, res) => void res.end(Buffer.alloc(size, 'x')));
  const { port, close } = await serving(t, app, 60_000);
  const client = await rawClient(port, ask('/'));
  await client.sees('200 OK');
  client.socket.pause();
  const closed = close();
  setTimeout(() => client.socket.resume(), 100);
  await closed;
  await until(() => client.closed, 'the end of the answer');
  assert.equal(client.text.length - client.text.indexOf('\r\n\r\n') - 4, size);
});

test('what is still in flight after the grace period is cut off', async (t) => {
  let reached = false;
  const app = express().use(() => void (reached = true));
  const { port, close } = await serving(t, app, 30);
  const client = await rawClient(port, ask('/'));
  await until(() => reached, 'the request');
  await close();
  await until(() => client.closed, 'the end of the connection');
  assert.equal(client.text, '');
});

test('upgraded sockets stay for the grace period, then their owners say goodbye', async (t) => {
  const said: string[] = [];
  const app = express();
  app.use('/owned', (req) => {
    const { socket } = contextOf(req).upgrade!;
    echo(req);
    const owner = { close: () => said.push('close'), destroy: () => void socket.destroy() };
    ownSocket(socket, owner);
  });
  app.use('/raw', echo);
  const { port, close } = await serving(t, app, 2000);
  const owned = await rawClient(port, upgradeRequest('/owned'));
  const raw = await rawClient(port, upgradeRequest('/raw'));
  await Promise.all([owned.sees('101'), raw.sees('101')]);
  const closed = close();
  owned.socket.write('still here');
  await owned.sees('still here');
  assert.deepEqual(said, []);
  await until(() => raw.closed, 'the FIN at the raw client');
  assert.deepEqual(said, ['close']);
  raw.socket.end();
  await closed;
  await until(() => owned.closed, 'the end of the one that did not end itself');
});

test('WebSockets of foreign listeners do not hold the server for ever', async (t) => {
  const { port, close, server } = await serving(t, express(), 20);
  new WebSocketServer({ server });
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(client, 'open');
  const closed = once(client, 'close');
  await close();
  await closed;
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} lets a request in flight finish, then the process ends with 0`, async (t) => {
    const script = fileURLToPath(new URL('../../support/serve-process.ts', import.meta.url));
    const child = spawn(process.execPath, ['--conditions=sekisho-source', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const port = Number(new URL(String(line).trim()).port);
    const client = await rawClient(port, ask('/slow'));
    await client.sees('begun');
    const exit = once(child, 'exit');
    child.kill(signal);
    assert.deepEqual(await exit, [0, null]);
    await client.sees('and finished');
  });
}
