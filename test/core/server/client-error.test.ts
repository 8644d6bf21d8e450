import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import test from 'node:test';
import express from 'express';
import { attach } from '../../../lib/core/server/attach.ts';
import type { Transaction } from '../../../lib/core/transaction.ts';
import { metrics } from '../../../lib/metrics/index.ts';
import { listen, until } from '../../support/servers.ts';
import { rawClient } from '../../support/upgrades.ts';

const noise = 'x'.repeat(500_000);
const malformed: { name: string; bytes: string; status: number }[] = [
  { name: 'no HTTP at all', bytes: 'hello\r\n\r\n', status: 400 },
  { name: 'no HTTP, and much of it', bytes: noise, status: 400 },
  { name: 'no Host', bytes: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
  { name: 'an endless head', bytes: `GET / HTTP/1.1\r\nHost: a\r\nX: ${noise}`, status: 431 },
  {
    name: 'two lengths',
    bytes: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    status: 400,
  },
  {
    name: 'a length and chunks',
    bytes:
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    status: 400,
  },
  {
    name: 'a broken chunk while the handler waits for it',
    bytes: `POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n${noise}`,
    status: 400,
  },
];

for (const { name, bytes, status } of malformed) {
  test(`a malformed request gets its answer whole: ${name}`, async (t) => {
    const app = express();
    app.post('/read', (req) => void req.resume().on('error', () => undefined));
    const { server, port } = await listen(t, app);
    attach(server);
    const client = await rawClient(port, bytes);
    await until(() => client.closed, 'the end of the connection');
    assert.match(client.text, new RegExp(`^HTTP/1.1 ${status} [^\\r]+\\r\\n`));
    assert.match(client.text, /\r\nConnection: close\r\n/);
    assert.equal(client.text.match(/HTTP\/1.1/g)?.length, 1);
  });
}

test('a head that does not come in time is a 408', async (t) => {
  const server = createServer(
    { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 20 },
    express(),
  );
  const { port } = await listen(t, attach(server));
  const client = await rawClient(port, 'GET / HTTP/1.1\r\n');
  await client.sees('HTTP/1.1 408 Request Timeout');
});

test('an answer that has begun is not spoiled', async (t) => {
  const app = express().post('/', (_req, res) => void res.write('begun'));
  const { server, port } = await listen(t, app);
  attach(server);
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  const client = await rawClient(port, head);
  await client.sees('begun');
  client.socket.write('zz\r\n');
  await until(() => client.closed, 'the end of the connection');
  assert.doesNotMatch(client.text, /400/);
});

for (const [title, head, rest] of [
  ['breaks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'zz\r\n'],
  ['is cut off', 'Content-Length: 10\r\n\r\nabc', undefined],
] as const)
  test(`a body that ${title} after its request was answered is no request of its own`, async (t) => {
    const statuses: number[] = [];
    const keep = (record: unknown): void => void statuses.push((record as Transaction).status);
    subscribe('sekisho:transaction', keep);
    t.after(() => unsubscribe('sekisho:transaction', keep));
    const { server, port } = await listen(
      t,
      express()
        .use(metrics())
        .post('/', (_req, res) => void res.send('early')),
    );
    attach(server);
    const client = await rawClient(port, `POST / HTTP/1.1\r\nHost: a\r\n${head}`);
    await client.sees('early');
    await until(() => statuses.length === 1, 'its record');
    if (rest === undefined) client.socket.end();
    else client.socket.write(rest);
    await until(() => client.closed, 'the end of the connection');
    assert.equal(client.text.match(/HTTP\/1.1/g)?.length, 1);
    assert.deepEqual(statuses, [200]);
  });

test("the user's own clientError listener stays in charge", async (t) => {
  const { server, port } = await listen(t, express());
  server.on('clientError', (_error, socket) => socket.end('HTTP/1.1 418 Teapot\r\n\r\n'));
  attach(server);
  const client = await rawClient(port, 'hello\r\n\r\n');
  await until(() => client.closed, 'the end of the connection');
  assert.equal(client.text, 'HTTP/1.1 418 Teapot\r\n\r\n');
});
