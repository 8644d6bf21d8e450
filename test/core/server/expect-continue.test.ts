import assert from 'node:assert/strict';
import test from 'node:test';
import express, { type Express, type RequestHandler } from 'express';
import { contextOf } from '../../../lib/core/context.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { listen, until } from '../../support/servers.ts';
import { rawClient } from '../../support/upgrades.ts';

const body = '{"a":1}';
const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: `;

function waiting(app: Express): Express {
  const report: RequestHandler = (req, res) => void res.json({ got: req.body as unknown });
  return app.use(report);
}

test('100 is sent when a handler reads the body, once', async (t) => {
  const { server, port } = await listen(t, waiting(express().use(express.json())));
  attach(server);
  const client = await rawClient(port, `${head}100-continue\r\n\r\n`);
  await client.sees('HTTP/1.1 100 Continue\r\n\r\n');
  client.socket.write(body);
  await client.sees('{"got":{"a":1}}');
  assert.equal(client.text.match(/100 Continue/g)?.length, 1);
  assert.match(client.text, /\r\n\r\nHTTP\/1.1 200 OK/);
  client.socket.destroy();
});

test('a refusal gets no body and no 100', async (t) => {
  const gate = express().use((_req, res) => void res.status(401).send('who?'));
  const { server, port } = await listen(t, waiting(gate.use(express.json())));
  attach(server);
  const client = await rawClient(port, `${head}100-continue\r\n\r\n`);
  await client.sees('who?');
  await until(() => client.closed, 'the end: node cannot know whether the body still comes');
  assert.doesNotMatch(client.text, /100 Continue/);
});

test('a forwarder may send 100 itself', async (t) => {
  const app = express().use((req, res, next) => {
    const context = contextOf(req);
    assert.equal(context.awaitsContinue, true);
    context.awaitsContinue = false;
    res.writeContinue();
    setTimeout(next, 10);
  });
  const { server, port } = await listen(t, waiting(app.use(express.json())));
  attach(server);
  const client = await rawClient(port, `${head}100-continue\r\n\r\n`);
  await client.sees('100 Continue');
  client.socket.write(body);
  await client.sees('200 OK');
  assert.equal(client.text.match(/100 Continue/g)?.length, 1);
  client.socket.destroy();
});

test("the user's own checkContinue listener stays in charge", async (t) => {
  const { server, port } = await listen(t, waiting(express()));
  attach(server);
  server.on('checkContinue', (_req, res) => res.writeHead(413).end('too large'));
  const client = await rawClient(port, `${head}100-continue\r\n\r\n`);
  await client.sees('too large');
  client.socket.destroy();
});

test('an unknown expectation is a 417', async (t) => {
  const { server, port } = await listen(t, waiting(express()));
  attach(server);
  const client = await rawClient(port, `${head}miracles\r\n\r\n`);
  await client.sees('HTTP/1.1 417 Expectation Failed');
  client.socket.destroy();
});
