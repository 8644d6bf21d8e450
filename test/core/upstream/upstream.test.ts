import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { OptionsError } from '../../../lib/core/errors.ts';
import type { PoolOptions } from '../../../lib/core/upstream/pool-options.ts';
import type { ServerInput } from '../../../lib/core/upstream/server-input.ts';
import { upstream, type Upstream } from '../../../lib/core/upstream/upstream.ts';
import { listenTo, request, takers } from './pool-support.ts';
import type { Server } from '../../../lib/core/upstream/server.ts';

const [a, b, c] = ['http://127.0.0.1:1/', 'http://127.0.0.1:2/', 'http://127.0.0.1:3/'] as const;

function open(
  t: TestContext,
  servers: ServerInput | readonly ServerInput[],
  options?: PoolOptions,
): Upstream {
  const pool = upstream('images', servers, options);
  t.after(() => pool.destroy());
  return pool;
}

const urls = (pool: Upstream): string[] => pool.servers.map(({ url }) => url);

function refused(message: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof OptionsError);
    assert.match(error.message, message);
    return true;
  };
}

test('servers are snapshots', (t) => {
  const pool = open(t, [a, { url: b, weight: 2, backup: true }]);
  const before = pool.servers;
  assert.deepEqual(before, [
    {
      url: a,
      name: '127.0.0.1:1',
      weight: 1,
      backup: false,
      state: 'unknown',
      inflight: 0,
      latency: undefined,
    },
    {
      url: b,
      name: '127.0.0.1:2',
      weight: 2,
      backup: true,
      state: 'unknown',
      inflight: 0,
      latency: undefined,
    },
  ]);
  void pool.pool.acquire(request(), []);
  assert.equal(before[0]!.inflight, 0);
  assert.equal(pool.servers[0]!.inflight, 1);
});

test('a single server needs no list', (t) => {
  assert.deepEqual(urls(open(t, a)), [a]);
  assert.deepEqual(urls(open(t, new URL(a))), [a]);
  assert.deepEqual(urls(open(t, { url: a })), [a]);
});

for (const [name, servers, options, message] of [
  ['', [a], {}, /upstream: name: '' is not allowed; use a short name/],
  ['a b', [a], {}, /name: 'a b' is not allowed/],
  [undefined, [a], {}, /name: undefined is not allowed/],
  ['images', [], {}, /upstream 'images': no server given; name at least one/],
  ['images', undefined, {}, /undefined is no server; use a URL/],
  ['images', [a, a], {}, /is named twice/],
  [
    'images',
    [a],
    { balnce: 'first' },
    /upstream 'images': unknown option 'balnce'; did you mean 'balance'\?/,
  ],
  ['images', ['x', 'ftp://y'], {}, /2 problems[^]*'x' is no URL[^]*'ftp:\/\/y' has a scheme/],
] as [string, ServerInput[], object, RegExp][])
  test(`refused: upstream(${JSON.stringify(name)}, ${JSON.stringify(servers)}, ${JSON.stringify(options)})`, () => {
    assert.throws(() => upstream(name, servers, options), refused(message));
  });

test('add and remove, published', async (t) => {
  const events = listenTo(t, 'sekisho:servers');
  const pool = open(t, a);
  pool.add(b, { url: c, weight: 3 });
  assert.deepEqual(urls(pool), [a, b, c]);
  await pool.remove(b);
  await pool.remove(new URL(a));
  assert.deepEqual(urls(pool), [c]);
  assert.deepEqual(
    events.map(({ servers }) => servers.length),
    [3, 2, 1],
  );
});

for (const [what, change, message] of [
  [
    'add what is there',
    (pool) => pool.add(c, a),
    /upstream 'images'.add: 'http:\/\/127.0.0.1:1\/' is there already; change it with update/,
  ],
  ['add nonsense', (pool) => pool.add(c, 'nonsense'), /'nonsense' is no URL/],
  ['add nothing', (pool) => pool.add(), /no server given/],
  ['update to nothing', (pool) => pool.update([]), /no server given/],
  [
    'update to nonsense',
    (pool) => pool.update([c, { url: a, weight: -1 }]),
    /1.weight: -1 is not allowed/,
  ],
  ['update to a list with a server twice', (pool) => pool.update([c, c]), /is named twice/],
  [
    'remove a stranger',
    (pool) => pool.remove(c),
    /'http:\/\/127.0.0.1:3\/' is none of its servers; they are http:\/\/127.0.0.1:1\/, /,
  ],
  ['drain a stranger', (pool) => pool.drain('c'), /'c' is none of its servers/],
] as [string, (pool: Upstream) => unknown, RegExp][])
  test(`refused, and nothing changes: ${what}`, (t) => {
    const pool = open(t, [a, { url: b, weight: 2 }]);
    const before = pool.servers;
    assert.throws(() => change(pool), refused(message));
    assert.deepEqual(pool.servers, before);
  });

test('the last server cannot be removed', (t) => {
  assert.throws(
    () => open(t, a).remove(a),
    refused(/is the last server; add another first, or drain\(\) it/),
  );
});

test('update keeps the state of what stays', (t) => {
  const pool = open(t, [a, b]);
  const server = pool.pool.servers[1]!;
  server.inflight = 1;
  pool.update([{ url: b, weight: 4, maxConnections: 7 }, c]);
  assert.equal(pool.pool.servers[0], server);
  assert.deepEqual([server.weight, server.maxConnections, pool.servers[0]!.inflight], [4, 7, 1]);
  server.inflight = 0;
});

test('draining lasts through changes of others and ends when the server is named again', async (t) => {
  const pool = open(t, [a, b]);
  await pool.drain(a);
  pool.add(c);
  await pool.remove(b);
  assert.equal(pool.servers.find(({ url }) => url === a)!.state, 'draining');
  assert.deepEqual(takers(pool.pool), ['127.0.0.1:3']);
  pool.add(a);
  assert.deepEqual(takers(pool.pool), ['127.0.0.1:1', '127.0.0.1:3']);
  await pool.drain(a);
  pool.update([a, c]);
  assert.deepEqual(takers(pool.pool), ['127.0.0.1:1', '127.0.0.1:3']);
});

test('a removed server finishes what it has', async (t) => {
  const pool = open(t, [a, b], { balance: 'first' });
  const server = pool.pool.acquire(request(), []) as Server;
  let finished = false;
  const removed = pool.remove(a).then(() => (finished = true));
  assert.deepEqual(urls(pool), [b]);
  await new Promise(setImmediate);
  assert.equal(finished, false);
  pool.pool.release(server);
  await removed;
});

test('close is done when nothing is in flight', async (t) => {
  const pool = open(t, [a, b]);
  await pool.close();
  assert.throws(() => pool.pool.acquire(request(), []), { code: 'ERR_SEKISHO_SHUTTING_DOWN' });
});
