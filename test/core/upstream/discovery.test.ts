import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import type { DiscoverOptions, PoolOptions } from '../../../lib/core/upstream/pool-options.ts';
import type { ServerInput } from '../../../lib/core/upstream/server-input.ts';
import { upstream, type Upstream } from '../../../lib/core/upstream/upstream.ts';
import { listen, until } from '../../support/servers.ts';
import { dnsServer, type Zone } from './dns-server.ts';
import { ask, listenTo, request } from './pool-support.ts';

function open(
  t: TestContext,
  servers: readonly ServerInput[],
  discover: DiscoverOptions,
  options: PoolOptions = {},
): Upstream {
  const pool = upstream('images', servers, { ...options, discover });
  t.after(() => pool.destroy());
  return pool;
}

const urls = (pool: Upstream): string => pool.servers.map(({ url }) => url).join(' ');

test("dns 'a': every address is a server, called by its name; changes are followed", async (t) => {
  const zone: Zone = { a: ['127.0.0.2', '127.0.0.1'] };
  const servers = [await dnsServer(t, zone)];
  const pool = open(t, ['http://images.internal:8080/base'], {
    dns: 'a',
    name: 'images.internal',
    interval: 20,
    servers,
  });
  await until(() => pool.servers.length > 0, 'the first answer');
  assert.equal(urls(pool), 'http://127.0.0.1:8080/base http://127.0.0.2:8080/base');
  assert.ok(pool.pool.servers.every(({ host }) => host === 'images.internal:8080'));
  const kept = pool.pool.servers[0];
  zone.a = ['127.0.0.1', '127.0.0.3'];
  zone.aaaa = ['::1'];
  await until(() => pool.servers.length === 3, 'the new answer');
  assert.equal(
    urls(pool),
    'http://127.0.0.1:8080/base http://127.0.0.3:8080/base http://[::1]:8080/base',
  );
  assert.equal(pool.pool.servers[0], kept);
});

test("dns 'a' without servers asks as the system does", async (t) => {
  const server = await listen(t, (req, res) => res.end(req.headers.host));
  const pool = open(t, [], { dns: 'a', name: 'localhost', port: server.port });
  await pool.pool.acquire(request(), []);
  assert.ok(
    pool.servers.some(({ url }) => url === `${server.url}/`),
    urls(pool),
  );
});

test("dns 'srv': port, weight and priority count", async (t) => {
  const servers = [
    await dnsServer(t, {
      srv: [
        { priority: 20, weight: 1, port: 9003, target: 'spare.internal' },
        { priority: 10, weight: 60, port: 9001, target: 'one.internal' },
        { priority: 10, weight: 0, port: 9002, target: 'two.internal' },
      ],
    }),
  ];
  const pool = open(t, [], {
    dns: 'srv',
    name: '_http._tcp.images.internal',
    protocol: 'https',
    servers,
  });
  await until(() => pool.servers.length > 0, 'the first answer');
  assert.deepEqual(
    pool.servers.map(({ url, weight, backup }) => [url, weight, backup]),
    [
      ['https://one.internal:9001/', 60, false],
      ['https://two.internal:9002/', 0.1, false],
      ['https://spare.internal:9003/', 1, true],
    ],
  );
});

for (const [what, bad, code] of [
  ['SERVFAIL', { code: 2 }, 'ESERVFAIL'],
  ['NXDOMAIN', { code: 3 }, 'ENOTFOUND'],
  ['an empty answer', {}, 'ENODATA'],
] as [string, Zone, string][])
  test(`${what} leaves the last good servers in place and is published`, async (t) => {
    const events = listenTo(t, 'sekisho:servers');
    const zone: Zone = { a: ['127.0.0.1'] };
    const servers = [await dnsServer(t, zone)];
    const pool = open(t, [], { dns: 'a', name: 'images.internal', interval: 20, servers });
    await until(() => pool.servers.length > 0, 'the first answer');
    delete zone.a;
    Object.assign(zone, bad);
    const failed = () => events.find(({ error }) => error !== undefined);
    await until(() => failed() !== undefined, 'the failure');
    assert.equal((failed()!.error as { code: string }).code, code);
    assert.deepEqual(failed()!.servers, ['127.0.0.1:80']);
    assert.equal(urls(pool), 'http://127.0.0.1/');
    delete zone.code;
    zone.a = ['127.0.0.9'];
    await until(() => urls(pool) === 'http://127.0.0.9/', 'recovery');
  });

test('requests wait for the first answer', async (t) => {
  const server = await listen(t, (_req, res) => res.end());
  const pool = open(t, [], async () => {
    await sleep(30);
    return [server.url];
  });
  assert.equal((await ask(pool.pool)).status, 200);
  assert.ok(!(pool.pool.acquire(request(), []) instanceof Promise), 'the next need not');
});

test('requests wait no longer than for a connection', async (t) => {
  // As in real life something listens: no timer of ours keeps a process alive.
  await listen(t, (_req, res) => res.end());
  const pool = open(t, [], () => new Promise(() => undefined), { timeouts: { connect: 30 } });
  await assert.rejects(async () => pool.pool.acquire(request(), []), {
    code: 'ERR_SEKISHO_NO_SERVER',
    status: 503,
  });
});

test('a first answer that fails is a 503, and is asked for again soon', async (t) => {
  let calls = 0;
  const pool = open(t, [], {
    interval: 20,
    find: () => {
      if (++calls < 3) throw new Error('registry down');
      return ['http://127.0.0.1:1'];
    },
  });
  await assert.rejects(async () => pool.pool.acquire(request(), []), {
    code: 'ERR_SEKISHO_NO_SERVER',
  });
  await until(() => pool.servers.length === 1, 'the third call');
});

for (const [what, bad, message] of [
  ['nothing', [], /no server given/],
  ['a bad URL', ['http://127.0.0.1:1', 'nonsense'], /'nonsense' is no URL/],
  ['no list', 'http://127.0.0.1:1', /is not allowed; use an array/],
  ['undefined', undefined, /undefined is not allowed; use an array/],
] as [string, ServerInput[], RegExp][])
  test(`a source that says ${what} changes nothing`, async (t) => {
    const events = listenTo(t, 'sekisho:servers');
    let calls = 0;
    const pool = open(t, ['http://127.0.0.1:7'], {
      interval: 20,
      find: () => (++calls === 1 ? ['http://127.0.0.1:8'] : bad),
    });
    assert.equal(urls(pool), 'http://127.0.0.1:7/', 'servers given serve until the first answer');
    await until(() => events.some(({ error }) => error !== undefined), 'the bad answer');
    assert.match(String(events.at(-1)!.error), message);
    assert.equal(urls(pool), 'http://127.0.0.1:8/');
  });

test('an answer that changes nothing is not published, and draining outlasts it', async (t) => {
  const events = listenTo(t, 'sekisho:servers');
  let calls = 0;
  const found: ServerInput[] = ['http://127.0.0.1:1', 'http://127.0.0.1:2'];
  const pool = open(t, [], {
    interval: 20,
    find: () => {
      calls++;
      return found;
    },
  });
  await until(() => calls > 3, 'several calls');
  assert.equal(events.length, 1);
  await pool.drain('http://127.0.0.1:1');
  found.push('http://127.0.0.1:3');
  await until(() => pool.servers.length === 3, 'the new one');
  assert.equal(pool.servers[0]!.state, 'draining');
});

test('servers that are discovered are not changed by hand', (t) => {
  const pool = open(t, [], () => ['http://127.0.0.1:1']);
  for (const change of [
    () => pool.add('http://127.0.0.1:2'),
    () => pool.update(['http://127.0.0.1:2']),
    () => pool.remove('http://127.0.0.1:1'),
  ])
    assert.throws(change, {
      code: 'ERR_SEKISHO_OPTIONS',
      message: /come from the option discover/,
    });
});

test('close ends the questions', async (t) => {
  let calls = 0;
  const pool = open(t, [], {
    interval: 10,
    find: () => {
      calls++;
      return ['http://127.0.0.1:1'];
    },
  });
  await until(() => calls > 2, 'some calls');
  await pool.close();
  const before = calls;
  await sleep(60);
  assert.equal(calls, before);
});
