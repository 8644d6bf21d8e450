import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { test, type TestContext } from 'node:test';
import { z } from 'zod';
import { parseOptions } from '../../../lib/core/options.ts';
import {
  healthCheckField,
  type HealthCheckOptions,
} from '../../../lib/core/upstream/health-options.ts';
import { Http1Client } from '../../../lib/core/upstream/http1/client.ts';
import { probe } from '../../../lib/core/upstream/probe.ts';
import { Server } from '../../../lib/core/upstream/server.ts';
import { listen, listenRaw, until } from '../../support/servers.ts';
import { standStill } from './pool-support.ts';

const schema = z.strictObject({ healthCheck: healthCheckField() });

function serverAt(t: TestContext, url: string, host?: string): Server {
  const definition = {
    url: new URL(url),
    weight: 1,
    backup: false,
    maxConnections: Infinity,
    host,
  };
  const timeouts = { connect: 1000, headers: 5000, idle: 5000 };
  const transport = new Http1Client(definition.url, { timeouts });
  t.after(() => transport.destroy());
  return new Server(definition, transport);
}

/** Every outcome that is called back, and the function that gives up. */
function ask(server: Server, options: Partial<HealthCheckOptions> = {}) {
  const healthCheck = { path: '/health', ...options };
  const check = parseOptions('test', schema, { healthCheck }).healthCheck!;
  const outcomes: (string | undefined)[] = [];
  const giveUp = probe(server, check, (problem) => outcomes.push(problem));
  return { outcomes, giveUp, done: () => until(() => outcomes.length > 0, 'an outcome') };
}

for (const [what, listener, options, problem] of [
  ['a good status', (_req, res) => res.end('fine'), {}, undefined],
  ['a bad status', (_req, res) => res.writeHead(500).end(), {}, 'status 500'],
  ['a status below the range', (_req, res) => res.end(), { status: [201, 299] }, 'status 200'],
  [
    'the upper end of the range',
    (_req, res) => res.writeHead(299).end(),
    { status: [201, 299] },
    undefined,
  ],
  [
    'HEAD',
    (req, res) => res.writeHead(req.method === 'HEAD' ? 204 : 500).end(),
    { method: 'HEAD' },
    undefined,
  ],
  [
    'more than 64 KiB of a good status',
    (_req, res) => res.write(Buffer.alloc(70_000)),
    {},
    undefined,
  ],
  [
    'more than 64 KiB of a bad status',
    (_req, res) => res.writeHead(500).write(Buffer.alloc(70_000)),
    {},
    'status 500',
  ],
  [
    'a body cut short',
    (_req, res) => {
      res.writeHead(200, { 'content-length': '10' });
      res.write('half', () => res.destroy());
    },
    {},
    'ERR_SEKISHO_TRUNCATED',
  ],
  ['no answer', (req) => req.socket.destroy(), {}, 'ERR_SEKISHO_UPSTREAM_RESET'],
] as [string, RequestListener, Partial<HealthCheckOptions>, string | undefined][])
  test(`${what}: ${problem ?? 'well'}`, async (t) => {
    const { url } = await listen(t, listener);
    const { outcomes, done } = ask(serverAt(t, url), options);
    await done();
    assert.deepEqual(outcomes, [problem]);
  });

test('nobody listens', async (t) => {
  const { outcomes, done } = ask(serverAt(t, 'http://127.0.0.1:1'));
  await done();
  assert.deepEqual(outcomes, ['ERR_SEKISHO_CONNECT_REFUSED']);
});

test('a transport that is shut down is a finding, no exception', async (t) => {
  const server = serverAt(t, 'http://127.0.0.1:1');
  server.transport.destroy();
  const { outcomes, done } = ask(server);
  await done();
  assert.deepEqual(outcomes, ['ERR_SEKISHO_SHUTTING_DOWN']);
});

test('a discovered server is asked by its name', async (t) => {
  let host: string | undefined;
  const { url } = await listen(t, (req, res) => {
    host = req.headers.host;
    res.end();
  });
  const { done } = ask(serverAt(t, url, 'images.internal:8080'));
  await done();
  assert.equal(host, 'images.internal:8080');
});

for (const [what, bytes] of [
  ['says nothing', ''],
  ['stops in the middle of its head', 'HTTP/1.1 200 OK\r\nContent-'],
  ['stops in the middle of its body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
] as const)
  test(`a server that ${what} has as long as the timeout, and loses the connection`, async (t) => {
    let closed = false;
    let asked = false;
    const { url } = await listenRaw(t, (socket) => {
      socket.on('close', () => (closed = true));
      socket.once('data', () => socket.write(bytes, () => (asked = true)));
    });
    const time = standStill(t);
    const { outcomes } = ask(serverAt(t, url), { timeout: '3s' });
    await until(() => asked, 'the request');
    time.advance(2999);
    assert.deepEqual(outcomes, []);
    time.advance(1);
    assert.deepEqual(outcomes, ['no answer within 3000 ms']);
    await until(() => closed, 'the end of the connection');
    assert.equal(outcomes.length, 1);
  });

test('one that is given up calls back once and ends its request', async (t) => {
  const { url, server: upstream } = await listen(t, () => undefined);
  const { outcomes, giveUp } = ask(serverAt(t, url));
  const [req] = (await once(upstream, 'request')) as [Parameters<RequestListener>[0]];
  giveUp();
  giveUp();
  assert.deepEqual(outcomes, ['given up']);
  await until(() => req.destroyed, 'the end of the request');
  assert.equal(outcomes.length, 1);
});
