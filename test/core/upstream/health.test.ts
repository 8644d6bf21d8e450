import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import type { HealthCheckOptions } from '../../../lib/core/upstream/health-options.ts';
import { listen, listenBytes, listenRaw, until } from '../../support/servers.ts';
import { fail, listenTo, poolOf } from './pool-support.ts';

const quick = { path: '/health', interval: 20, timeout: '30s' } as const;
/** An ejection that does not end while a test runs. */
const lasting = { baseTime: '1h', maxTime: '1h' } as const;

for (const [what, listener, options, state] of [
  ['200', (_req, res) => res.end('ok'), {}, 'up'],
  ['302', (_req, res) => res.writeHead(302).end(), {}, 'up'],
  ['404', (_req, res) => res.writeHead(404).end(), {}, 'down'],
  ['503', (_req, res) => res.writeHead(503).end(), {}, 'down'],
  ['204 where 200 is asked for', (_req, res) => res.writeHead(204).end(), { status: 200 }, 'down'],
  [
    '404 where it is in the range',
    (_req, res) => res.writeHead(404).end(),
    { status: [200, 499] },
    'up',
  ],
  [
    '103 before 200',
    (_req, res) => {
      res.writeEarlyHints({ link: '</a>; rel=preload' });
      res.end();
    },
    {},
    'up',
  ],
  ['silence', () => undefined, { timeout: 50 }, 'down'],
  [
    'an endless good answer',
    (_req, res) => {
      res.write(Buffer.alloc(200_000));
    },
    {},
    'up',
  ],
] as [string, RequestListener, Partial<HealthCheckOptions>, string][])
  test(`the first check decides alone: ${what} is ${state}`, async (t) => {
    const upstream = await listen(t, listener);
    const pool = poolOf(t, [upstream.url], {
      healthCheck: { ...quick, interval: '1m', ...options },
    });
    const [server] = pool.servers;
    assert.equal(server!.health, 'unknown');
    await until(() => server!.health !== 'unknown', 'a check');
    assert.equal(server!.health, state);
  });

test('a server that speaks no HTTP is down', async (t) => {
  const upstream = await listenBytes(t, 'SSH-2.0-OpenSSH\r\n', { close: true });
  const pool = poolOf(t, [upstream.url], { healthCheck: quick });
  await until(() => pool.servers[0]!.health === 'down', 'a check');
});

test('the check is what the options say, over the base path of the server', async (t) => {
  const seen: IncomingMessage[] = [];
  const upstream = await listen(t, (req, res) => {
    seen.push(req);
    res.end();
  });
  poolOf(t, [`${upstream.url}/base/`], {
    healthCheck: { ...quick, method: 'HEAD', headers: { host: 'shop.example', 'x-check': 'yes' } },
  });
  await until(() => seen.length > 0, 'a check');
  const [{ method, url, headers }] = seen as [IncomingMessage];
  assert.deepEqual(
    { method, url, host: headers.host, check: headers['x-check'], agent: headers['user-agent'] },
    {
      method: 'HEAD',
      url: '/base/health',
      host: 'shop.example',
      check: 'yes',
      agent: 'sekisho-health-check',
    },
  );
});

test('checks reach a unix socket', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-'));
  const path = join(folder, 'app.sock');
  const server = createServer((_req, res) => res.end());
  server.listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const pool = poolOf(t, [`unix:${path}`], { healthCheck: quick });
  await until(() => pool.servers[0]!.health === 'up', 'a check');
});

test('down after `fall` bad checks in a row, up after `rise` good ones, both published', async (t) => {
  const events = listenTo(t, 'sekisho:health');
  // One letter per check; a lone bad one between good ones does no harm, nor a lone good one between bad ones.
  const script = 'gbgbbgbbbgbgg';
  const states: string[] = [];
  const upstream = await listen(t, (_req, res) => {
    states.push(pool.servers[0]!.health);
    res.writeHead(script.charAt(states.length - 1) === 'b' ? 500 : 200).end();
  });
  const other = await listen(t, (_req, res) => res.end());
  const servers = [upstream.url, other.url];
  const pool = poolOf(t, servers, { healthCheck: { ...quick, rise: 2, fall: 3 } });
  await until(() => states.length > script.length, 'all checks');
  assert.deepEqual(
    // The state each check met: down only after `bbb`, up again only after `gg`.
    states.slice(0, script.length + 1).join(' '),
    `unknown ${'up '.repeat(8)}${'down '.repeat(4)}up`,
  );
  assert.deepEqual(
    events
      .filter(({ server }) => server === pool.servers[0]!.name)
      .map(({ state, reason }) => [state, reason]),
    [
      ['up', 'the check passed'],
      ['down', 'status 500'],
      ['up', 'the check passed'],
    ],
  );
});

test('where no other server can be reached, one good check brings a server back', async (t) => {
  const script = 'gbbg';
  const states: string[] = [];
  const upstream = await listen(t, (_req, res) => {
    states.push(pool.servers[0]!.health);
    res.writeHead(script.charAt(states.length - 1) === 'b' ? 500 : 200).end();
  });
  const servers = [upstream.url, 'http://127.0.0.1:9'];
  const pool = poolOf(t, servers, { healthCheck: { ...quick, rise: 5, fall: 2 } });
  await until(() => states.length > script.length, 'all checks');
  assert.deepEqual(states.slice(0, 5), ['unknown', 'up', 'up', 'down', 'up']);
});

test('a good check ends an ejection for refused connections', async (t) => {
  const upstream = await listen(t, (_req, res) => res.end());
  const pool = poolOf(t, [upstream.url, 'http://127.0.0.1:9'], {
    healthCheck: quick,
    ejection: lasting,
  });
  const [server] = pool.servers;
  await until(() => server!.health === 'up', 'a check');
  fail(pool, server!, 'ERR_SEKISHO_CONNECT_REFUSED');
  assert.equal(server!.state, 'ejected');
  await until(() => server!.state === 'up', 'the next check');
});

test('a good check does not absolve from bad answers', async (t) => {
  let checks = 0;
  const upstream = await listen(t, (_req, res) => {
    checks++;
    res.end();
  });
  const pool = poolOf(t, [upstream.url, 'http://127.0.0.1:9'], {
    healthCheck: quick,
    ejection: lasting,
    panicThreshold: 0,
  });
  const [server] = pool.servers;
  pool.servers[1]!.health = 'up';
  for (let time = 0; time < 5; time++)
    pool.report(server!, { kind: 'answer', status: 500, milliseconds: 1 });
  assert.equal(server!.state, 'ejected');
  const before = checks;
  await until(() => checks > before + 2, 'further checks');
  assert.equal(server!.ejected, 'failing');
});

test('checks stop with the pool and for a removed server', async (t) => {
  let checks = 0;
  const upstream = await listenRaw(t, (socket) =>
    socket.on('data', () => {
      checks++;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    }),
  );
  const pool = poolOf(t, [upstream.url, 'http://127.0.0.1:9'], { healthCheck: quick });
  await until(() => checks > 1, 'checks');
  const definition = {
    url: new URL('http://127.0.0.1:9'),
    weight: 1,
    backup: false,
    maxConnections: Infinity,
  };
  pool.replace([definition]);
  const before = checks;
  await sleep(100);
  assert.ok(checks <= before + 1, 'one may have been on its way');
  await pool.close();
});
