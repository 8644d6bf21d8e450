import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import test, { type TestContext } from 'node:test';
import express, { type Express } from 'express';
import { WebSocketServer } from 'ws';
import { attach } from '../../../lib/core/server/attach.ts';
import { forwardProxy } from '../../../lib/forward-proxy/index.ts';
import { exchangeRaw, listen } from '../../support/servers.ts';
import { serveTls, type TlsServing } from '../../support/tls.ts';

const app = (): Express =>
  express().use((req, res) => {
    res.send(`HERE ${req.method} ${req.url} ${req.originalUrl} ${req.hostname}`);
  });

async function attached(t: TestContext): Promise<number> {
  const { server, port } = await listen(t, app());
  attach(server);
  return port;
}

const ask = (target: string, host: string, more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`;

/** `%` stands for the port of the server. */
const targets: readonly [target: string, host: string, answer: RegExp][] = [
  [
    'http://127.0.0.1:%/a?b=%2F',
    '127.0.0.1:%',
    /^HTTP\/1\.1 200 [^]*HERE GET \/a\?b=%2F \/a\?b=%2F 127\.0\.0\.1$/,
  ],
  ['http://localhost:%/', 'localhost:%', /200 [^]*HERE GET \/ \/ localhost$/],
  ['HTTP://LocalHost.:%', 'localhost:%', /200 [^]*HERE GET \/ /],
  ['http://localhost:%?a', 'localhost:%', /200 [^]*HERE GET \/\?a /],
  ['http://[::ffff:127.0.0.1]:%/', '[::ffff:127.0.0.1]:%', /200 [^]*HERE/],
  ['http://0x7f.1:%/', '127.0.0.1:%', /200 [^]*HERE/],
  // Somebody else, or nobody can tell.
  ['http://localhost/', 'localhost', /^HTTP\/1\.1 421 /],
  ['http://127.0.0.1/', '127.0.0.1', /^HTTP\/1\.1 421 /],
  ['http://127.0.0.2:%/', '127.0.0.2:%', /^HTTP\/1\.1 421 /],
  ['http://[::1]:%/', '[::1]:%', /^HTTP\/1\.1 421 /],
  ['http://0.0.0.0:%/', '0.0.0.0:%', /^HTTP\/1\.1 421 /],
  ['http://site.example:%/', 'site.example:%', /^HTTP\/1\.1 421 /],
  ['http://a.localhost:%/', 'a.localhost:%', /^HTTP\/1\.1 421 /],
  ['http://localhost:%/', 'site.example', /^HTTP\/1\.1 421 /],
  ['http://localhost:%/', 'localhost', /^HTTP\/1\.1 421 /],
  ['http://localhost:%/', 'localhost:%\r\nHost: localhost:%', /^HTTP\/1\.1 4/],
  ['https://localhost:%/', 'localhost:%', /^HTTP\/1\.1 400 /],
  ['http://user@localhost:%/', 'localhost:%', /^HTTP\/1\.1 400 /],
  ['http://localhost:%/#a', 'localhost:%', /^HTTP\/1\.1 400 /],
];

for (const [target, host, answer] of targets)
  test(`absolute-form that names this listener is a request to it, and no other: ${target} with Host ${JSON.stringify(host)}`, async (t) => {
    const port = await attached(t);
    const { text: got } = await exchangeRaw(
      port,
      ask(target, host).replaceAll('%', String(port)).replace(`=${port}2F`, '=%2F'),
    );
    assert.match(got, answer);
  });

async function askTls({ port, ca }: TlsServing, bytes: string): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' });
  await once(socket, 'secureConnect');
  socket.write(bytes);
  return text(socket);
}

test('over TLS the names of the certificate count', async (t) => {
  const serving = await serveTls(t, app());
  const { port } = serving;
  for (const [target, host, answer] of [
    [`https://localhost:${port}/a`, `localhost:${port}`, /200 [^]*HERE GET \/a/],
    [`https://127.0.0.1:${port}/a`, `127.0.0.1:${port}`, /200 [^]*HERE GET \/a/],
    [`https://other.example:${port}/a`, `other.example:${port}`, /^HTTP\/1\.1 400 /],
    [`http://localhost:${port}/a`, `localhost:${port}`, /^HTTP\/1\.1 421 /],
    ['https://localhost/a', 'localhost', /^HTTP\/1\.1 400 /],
  ] as const)
    assert.match(await askTls(serving, ask(target, host)), answer, target);
});

test('a WebSocket, too', async (t) => {
  const { server, port } = await listen(t, express());
  attach(server);
  const sockets = new WebSocketServer({ server });
  t.after(() => {
    sockets.close();
  });
  const more =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const bytes = `GET ws://localhost:${port}/a HTTP/1.1\r\nHost: localhost:${port}\r\n${more}\r\n`;
  const { text: got } = await exchangeRaw(port, bytes);
  assert.match(got, /^HTTP\/1\.1 101 /);
  for (const client of sockets.clients) client.terminate();
});

test('with a forward proxy in the process they are requests to that', async (t) => {
  const port = await attached(t);
  const target = `http://localhost:${port}/`;
  assert.match((await exchangeRaw(port, ask(target, `localhost:${port}`))).text, / 200 /);
  forwardProxy();
  assert.match((await exchangeRaw(port, ask(target, `localhost:${port}`))).text, / 421 /);
});
