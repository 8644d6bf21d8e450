import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProxyError, type ErrorCode } from '../../../lib/core/errors.ts';
import type { Server } from '../../../lib/core/upstream/server.ts';
import { answer, fail, listenTo, poolOf, request, standStill, takers } from './pool-support.ts';

const urls = [
  'http://127.0.0.1:1',
  'http://127.0.0.1:2',
  'http://127.0.0.1:3',
  'http://127.0.0.1:4',
];
const three = urls.slice(0, 3);

function times(count: number, action: () => void): void {
  for (let time = 0; time < count; time++) action();
}

for (const code of ['ERR_SEKISHO_CONNECT_REFUSED', 'ERR_SEKISHO_TLS', 'ERR_SEKISHO_DNS'] as const)
  test(`${code}: out at once, whoever else is`, (t) => {
    const pool = poolOf(t, three);
    const [one, other, last] = pool.servers as [Server, Server, Server];
    fail(pool, one, code);
    fail(pool, other, code);
    assert.deepEqual(takers(pool), [last.name]);
  });

for (const [code, reused] of [
  ['ERR_SEKISHO_UPSTREAM_RESET', false],
  ['ERR_SEKISHO_UPSTREAM_PROTOCOL', false],
  ['ERR_SEKISHO_UPSTREAM_PROTOCOL', true],
  ['ERR_SEKISHO_HEADERS_TIMEOUT', true],
  ['ERR_SEKISHO_IDLE_TIMEOUT', true],
  ['ERR_SEKISHO_TRUNCATED', true],
] as [ErrorCode, boolean][])
  test(`${code} (${reused ? 'reused' : 'fresh'} connection): out after five in a row, not after four`, (t) => {
    const pool = poolOf(t, three);
    const [server] = pool.servers as [Server];
    times(4, () => fail(pool, server, code, reused));
    answer(pool, server);
    times(4, () => fail(pool, server, code, reused));
    assert.equal(server.state, 'unknown');
    fail(pool, server, code, reused);
    assert.equal(server.state, 'ejected');
  });

for (const [code, reused] of [
  ['ERR_SEKISHO_UPSTREAM_RESET', true],
  ['ERR_SEKISHO_CLIENT_ABORTED', false],
  ['ERR_SEKISHO_TOTAL_TIMEOUT', false],
  ['ERR_SEKISHO_BODY_CONSUMED', false],
] as [ErrorCode, boolean][])
  test(`${code} (${reused ? 'reused' : 'fresh'} connection) is no evidence`, (t) => {
    const pool = poolOf(t, three);
    const [server] = pool.servers as [Server];
    times(100, () => fail(pool, server, code, reused));
    assert.equal(server.state, 'unknown');
  });

test('want of sockets on this side is no evidence', (t) => {
  const pool = poolOf(t, three);
  const cause = Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  const error = new ProxyError('ERR_SEKISHO_CONNECT_REFUSED', { cause });
  for (const server of pool.servers)
    times(20, () => pool.report(server, { kind: 'failure', error, reused: false }));
  assert.equal(takers(pool).length, 3);
});

for (const [status, out] of [
  [500, true],
  [503, true],
  [501, false],
  [404, false],
  [429, false],
] as const)
  test(`five answers of ${status} in a row ${out ? 'take a server out' : 'do not matter'}`, (t) => {
    const pool = poolOf(t, three);
    const [server] = pool.servers as [Server];
    times(5, () => answer(pool, server, status));
    assert.equal(server.state, out ? 'ejected' : 'unknown');
  });

test('failures of connections and bad answers are counted apart', (t) => {
  const pool = poolOf(t, three, { ejection: { minRequests: 1000 } });
  const [server] = pool.servers as [Server];
  times(20, () => {
    fail(pool, server, 'ERR_SEKISHO_UPSTREAM_RESET');
    times(4, () => fail(pool, server, 'ERR_SEKISHO_UPSTREAM_RESET', true));
    answer(pool, server, 200);
    answer(pool, server, 503);
  });
  assert.equal(server.state, 'unknown');
});

test('half of the requests failing within the window is too much, on ten requests', (t) => {
  standStill(t);
  const pool = poolOf(t, three, { ejection: { consecutiveFailures: 100 } });
  const [server] = pool.servers as [Server];
  times(5, () => answer(pool, server, 200));
  times(4, () => answer(pool, server, 500));
  assert.equal(server.state, 'unknown');
  answer(pool, server, 500);
  assert.equal(server.state, 'ejected');
});

test('what is older than the window is forgotten', (t) => {
  const time = standStill(t);
  const pool = poolOf(t, three, { ejection: { consecutiveFailures: 100 } });
  const [server] = pool.servers as [Server];
  times(9, () => answer(pool, server, 500));
  time.advance(10_001);
  times(9, () => answer(pool, server, 500));
  assert.equal(server.state, 'unknown');
});

test('30 % of errors from one server are too much when the others have none, and bearable when all have', (t) => {
  standStill(t);
  const rounds = (pool: ReturnType<typeof poolOf>, sick: readonly Server[]): void => {
    for (let round = 0; round < 100; round++)
      for (const server of pool.servers)
        if (server.ejected === undefined)
          answer(pool, server, sick.includes(server) && round % 10 < 3 ? 500 : 200);
  };
  const one = poolOf(t, three);
  rounds(one, one.servers.slice(0, 1));
  assert.deepEqual(
    one.servers.map(({ state }) => state),
    ['ejected', 'unknown', 'unknown'],
  );
  const all = poolOf(t, three);
  rounds(all, all.servers);
  assert.deepEqual(
    all.servers.map(({ state }) => state),
    ['unknown', 'unknown', 'unknown'],
  );
});

test('a server that is slow beyond all measure is out, one that is merely slower is not', (t) => {
  standStill(t);
  for (const [milliseconds, state] of [
    [400, 'ejected'],
    [150, 'unknown'],
  ] as const) {
    const pool = poolOf(t, three);
    const [slow, ...others] = pool.servers as [Server, ...Server[]];
    times(20, () => {
      for (const server of others) answer(pool, server, 200, 10);
      if (slow.ejected === undefined) answer(pool, slow, 200, milliseconds);
    });
    assert.equal(slow.state, state, `${milliseconds} ms`);
  }
  const pool = poolOf(t, three, { ejection: { slowness: false } });
  times(20, () =>
    pool.servers.forEach((server, index) => answer(pool, server, 200, index === 0 ? 5000 : 1)),
  );
  assert.equal(pool.servers[0]!.state, 'unknown');
});

for (const [count, maxEjected, out] of [
  [1, 0.5, 0],
  [2, 0.5, 1],
  [3, 0.5, 1],
  [4, 0.5, 2],
  [4, 1, 3],
  [4, 0, 0],
  [2, 1, 1],
] as const)
  test(`of ${count} servers that all answer 503 at most ${out} are out (maxEjected ${maxEjected})`, (t) => {
    const pool = poolOf(t, urls.slice(0, count), { ejection: { maxEjected }, panicThreshold: 0 });
    for (const server of pool.servers) times(10, () => answer(pool, server, 503));
    assert.equal(pool.servers.filter(({ ejected }) => ejected !== undefined).length, out);
    assert.equal(takers(pool, 200).length, count - out);
  });

test('panic: judgement is ignored when it leaves less than half; unreachable servers stay out', (t) => {
  const pool = poolOf(t, urls, { ejection: { maxEjected: 1 } });
  times(5, () => answer(pool, pool.servers[0]!, 500));
  times(5, () => answer(pool, pool.servers[1]!, 500));
  assert.equal(takers(pool).length, 2, 'half is left');
  times(5, () => answer(pool, pool.servers[2]!, 500));
  assert.equal(takers(pool, 200).length, 4, 'a quarter would be left');
  fail(pool, pool.servers[3]!, 'ERR_SEKISHO_CONNECT_REFUSED');
  assert.deepEqual(
    takers(pool, 200),
    pool.servers.slice(0, 3).map(({ name }) => name),
  );
});

test('each ejection takes twice as long, up to the limit, and good behaviour shortens the next', (t) => {
  const time = standStill(t);
  const pool = poolOf(t, three, { ejection: { baseTime: '1s', maxTime: '4s' } });
  const [server] = pool.servers as [Server];
  const out = (): number => {
    let milliseconds = 0;
    fail(pool, server, 'ERR_SEKISHO_CONNECT_REFUSED');
    for (; server.ejected !== undefined; milliseconds += 10) time.advance(10);
    answer(pool, server);
    return milliseconds;
  };
  // The clock's chance adds 5 %.
  assert.deepEqual([out(), out(), out(), out()], [1050, 2100, 4200, 4200]);
  time.advance(8500);
  assert.equal(out(), 1050);
});

test('a server that comes back gets one request until it has answered; one failure sends it out again', (t) => {
  const time = standStill(t);
  const pool = poolOf(t, three, { balance: 'first' });
  const [server, next] = pool.servers as [Server, Server];
  times(5, () => answer(pool, server, 500));
  time.advance(6000);
  assert.equal(server.state, 'unknown');
  assert.equal(pool.acquire(request(), []), server);
  assert.equal(pool.acquire(request(), []), next);
  fail(pool, server, 'ERR_SEKISHO_HEADERS_TIMEOUT');
  pool.release(server);
  assert.equal(server.state, 'ejected');
  time.advance(12_000);
  assert.equal(pool.acquire(request(), []), server);
  answer(pool, server);
  assert.equal(pool.acquire(request(), []), server);
});

test('slow start follows an ejection', (t) => {
  const time = standStill(t);
  const pool = poolOf(t, three, { slowStart: '10s', ejection: { baseTime: '1s' } });
  const [server] = pool.servers as [Server];
  times(5, () => answer(pool, server, 500));
  time.advance(1050);
  assert.equal(server.share, 0.1);
  time.advance(10_000);
  assert.equal(server.share, 1);
});

test('ejection: false never takes a server out', (t) => {
  const pool = poolOf(t, three, { ejection: false });
  times(100, () => fail(pool, pool.servers[0]!, 'ERR_SEKISHO_CONNECT_REFUSED'));
  assert.equal(takers(pool).length, 3);
});

test('both ways are published', (t) => {
  const time = standStill(t);
  const events = listenTo(t, 'sekisho:ejection');
  const pool = poolOf(t, three);
  times(5, () => answer(pool, pool.servers[0]!, 500));
  time.advance(5250);
  assert.deepEqual(events, [
    {
      upstream: 'images',
      server: '127.0.0.1:1',
      ejected: true,
      reason: '5 errors in a row',
      until: 1_005_250,
    },
    { upstream: 'images', server: '127.0.0.1:1', ejected: false, reason: 'time is up' },
  ]);
});
