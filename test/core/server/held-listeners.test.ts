import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import test from 'node:test';
import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';
import { attach } from '../../../lib/core/server/attach.ts';
import { listen } from '../../support/servers.ts';
import { echo, rawClient, upgradeRequest } from '../../support/upgrades.ts';

function ownWebSockets(server: Server): WebSocketServer {
  const own = new WebSocketServer({ server, path: '/own' });
  own.on('connection', (socket) =>
    socket.on('message', (data: Buffer) => socket.send(`own ${data.toString()}`)),
  );
  return own;
}

function app(): express.Express {
  const gate: express.RequestHandler = (req, res, next) =>
    req.query.denied === undefined ? next() : void res.sendStatus(403);
  return express()
    .use(gate)
    .use('/echo', echo)
    .use('/later', (_req, _res, next) => {
      setTimeout(next, 10);
    });
}

async function answerOf(url: string): Promise<string> {
  const socket = new WebSocket(url);
  socket.on('open', () => socket.send('hello'));
  return new Promise((resolve) => {
    socket.on('message', (data: Buffer) => {
      resolve(data.toString());
      socket.terminate();
    });
    socket.on('error', (error) => resolve(error.message));
  });
}

for (const order of ['before', 'after'] as const) {
  test(`ws with a path, added ${order} attach(), shares the server with the chain`, async (t) => {
    const { server, port } = await listen(t, app());
    let own: WebSocketServer | undefined;
    if (order === 'before') own = ownWebSockets(server);
    attach(server);
    if (order === 'after') own = ownWebSockets(server);
    const url = `ws://127.0.0.1:${port}`;

    assert.equal(await answerOf(`${url}/own`), 'own hello');
    assert.equal(await answerOf(`${url}/own?denied`), 'Unexpected server response: 403');
    assert.equal(await answerOf(`${url}/unknown`), 'Unexpected server response: 400', 'by ws');
    assert.equal(await answerOf(`${url}/later`), 'Unexpected server response: 400', 'by ws');
    const client = await rawClient(port, upgradeRequest('/echo'));
    await client.sees('101');
    client.socket.write('still here');
    await client.sees('still here');
    client.socket.destroy();

    own!.close();
    assert.equal(await answerOf(`${url}/own`), 'Unexpected server response: 404', 'ws is gone');
  });
}

test('a listener stays what it was: visible, removable, once is once', async (t) => {
  const { server, port } = await listen(t, express());
  const calls: string[] = [];
  const refuse = (name: string) => (_req: unknown, socket: NodeJS.WritableStream) => {
    calls.push(name);
    // Both are called for one upgrade, as node does; only the first answers.
    if (socket.writable) socket.end('HTTP/1.1 418 Teapot\r\nConnection: close\r\n\r\n');
  };
  const [always, onlyOnce] = [refuse('always'), refuse('once')];
  server.on('upgrade', always);
  attach(server);
  server.once('upgrade', onlyOnce);
  await new Promise(setImmediate);
  assert.ok(server.listeners('upgrade').includes(always));
  assert.ok(server.listeners('upgrade').includes(onlyOnce));

  for (let round = 0; round < 2; round += 1) {
    const client = await rawClient(port, upgradeRequest('/'));
    await client.sees('418');
    client.socket.destroy();
  }
  assert.deepEqual(calls, ['always', 'once', 'always']);

  server.removeListener('upgrade', always);
  const client = await rawClient(port, upgradeRequest('/'));
  await client.sees('404');
  client.socket.destroy();
});

test('what a foreign listener throws is no error of the app', async (t) => {
  const { server, port } = await listen(t, express());
  attach(server);
  server.on('upgrade', () => {
    throw new Error('foreign');
  });
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  t.after(() => {
    for (const listener of listeners) process.on('uncaughtException', listener);
  });
  const thrown = once(process, 'uncaughtException') as Promise<[Error]>;
  const client = await rawClient(port, upgradeRequest('/'));
  assert.equal((await thrown)[0].message, 'foreign');
  client.socket.destroy();
});
