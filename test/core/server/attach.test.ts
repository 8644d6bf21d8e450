import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';
import express from 'express';
import { OptionsError } from '../../../lib/core/errors.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { listen } from '../../support/servers.ts';
import { echo, rawClient, upgradeRequest } from '../../support/upgrades.ts';

test('attach returns the server and may be called again', async (t) => {
  const app = express().use(echo);
  const { server, port } = await listen(t, app);
  assert.equal(attach(server), server);
  assert.equal(attach(attach(server), app), server);
  const client = await rawClient(port, upgradeRequest('/'));
  await client.sees('101');
  client.socket.write('once');
  await client.sees('once');
  client.socket.destroy();
  assert.equal(server.listenerCount('upgrade'), 1);
});

test('the Express app is found among other request listeners', async (t) => {
  const { server, port } = await listen(t, express().use(echo));
  server.on('request', () => undefined);
  attach(server);
  const client = await rawClient(port, upgradeRequest('/'));
  await client.sees('101');
  client.socket.destroy();
});

test('a plain request listener is a chain, too', async (t) => {
  const { server, port } = await listen(t, (_req, res) => res.writeHead(403).end('plain'));
  attach(server);
  const client = await rawClient(port, upgradeRequest('/'));
  await client.sees('plain');
});

const listener = (): undefined => undefined;
const wrong: { name: string; call: () => unknown; message: RegExp }[] = [
  {
    name: 'an app for a server',
    call: () => attach(express() as never),
    message: /attach: function app is no HTTP server; pass what app.listen/,
  },
  {
    name: 'nothing',
    call: () => attach(undefined as never),
    message: /undefined is no HTTP server/,
  },
  {
    name: 'a server without an app',
    call: () => attach(createServer()),
    message: /no request listener; pass the app/,
  },
  {
    name: 'two listeners',
    call: () => attach(createServer(listener).on('request', listener)),
    message: /has 2 request listeners; pass the app/,
  },
  {
    name: 'no function for an app',
    call: () => attach(createServer(), 'app' as never),
    message: /app: 'app' is no Express app/,
  },
  {
    name: 'another app',
    call: () => attach(attach(createServer(listener)), express()),
    message: /attached to another app already/,
  },
];

for (const { name, call, message } of wrong) {
  test(`attach refuses ${name}`, () => {
    assert.throws(call, (error) => error instanceof OptionsError && message.test(error.message));
  });
}
