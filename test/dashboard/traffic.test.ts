import assert from 'node:assert/strict';
import test from 'node:test';
import { Traffic, type Counted } from '../../lib/dashboard/traffic.ts';
import { record, type RecordInit } from './support.ts';

const cases: readonly [string, RecordInit, Partial<Record<Counted, number>>][] = [
  ['an answer', { status: 200 }, {}],
  ['an answer of 404', { status: 404 }, {}],
  ['an answer of 500', { status: 500 }, { errors: 1 }],
  [
    'a server that cannot be reached',
    { status: 502, error: 'ERR_SEKISHO_CONNECT_REFUSED' },
    { errors: 1 },
  ],
  ['an answer cut off', { status: 200, outcome: 'upstream-aborted' }, { errors: 1 }],
  ['a client that went away', { status: 499, outcome: 'client-aborted' }, {}],
  [
    'a client that went away from a failing server',
    { status: 502, outcome: 'client-aborted', error: 'ERR_SEKISHO_UPSTREAM_RESET' },
    {},
  ],
  ['a gate that refuses', { status: 403, error: 'ERR_SEKISHO_AUTH_DENIED' }, {}],
  ['a malformed request', { status: 400, error: 'ERR_SEKISHO_BAD_PATH' }, {}],
  ['a hit', { cache: 'sekisho; hit; ttl=3' }, { hits: 1 }],
  ['a miss', { cache: 'sekisho; fwd=uri-miss; stored' }, { misses: 1 }],
  ['what a cache let pass', { cache: 'sekisho; fwd=bypass' }, {}],
  ['a POST before a cache', { cache: 'sekisho; fwd=method' }, {}],
  ['bytes', { bytesSent: 700, bytesReceived: 30 }, { sent: 700, received: 30 }],
];

for (const [name, init, expected] of cases)
  test(`${name} counts ${JSON.stringify(expected)}`, () => {
    const traffic = new Traffic(1000, 10, 0);
    traffic.add(record(init), 0);
    const [slice] = traffic.slices(1000);
    const none = { errors: 0, refusals: 0, hits: 0, misses: 0, retries: 0, received: 0, sent: 0 };
    const { p50, p90, p99 } = slice!;
    assert.deepEqual(slice, { slice: 0, requests: 1, ...none, ...expected, p50, p90, p99 });
  });

for (const [name, init, expected] of [
  ['the first byte', { firstByte: 10, total: 5000 }, 10],
  ['the end when nothing else is known', { total: 20 }, 20],
  ['nothing of a WebSocket', { status: 101, firstByte: 3, total: 60_000 }, null],
  ['nothing of a tunnel', { method: 'CONNECT', total: 60_000 }, null],
  ['nothing of who went away', { outcome: 'client-aborted', total: 60_000 }, null],
] as const)
  test(`the latency is that of ${name}`, () => {
    const traffic = new Traffic(1000, 10, 0);
    traffic.add(record(init), 0);
    const p50 = traffic.latencies(1000).p50;
    if (expected === null) assert.equal(p50, null);
    else assert.ok(Math.abs(p50! / expected - 1) < 0.04, String(p50));
  });

test('slices are told once they are complete, and from the one asked for on', () => {
  const traffic = new Traffic(1000, 5, 0);
  for (const now of [0, 100, 1100, 3500]) traffic.add(record({}), now);
  const read = (now: number, first?: number): [number, number][] =>
    traffic.slices(now, first).map(({ slice, requests }) => [slice, requests]);
  assert.deepEqual(read(3999), [
    [0, 2],
    [1, 1],
    [2, 0],
  ]);
  assert.deepEqual(read(4000, 2), [
    [2, 0],
    [3, 1],
  ]);
  assert.deepEqual(read(7000), [
    [2, 0],
    [3, 1],
    [4, 0],
    [5, 0],
    [6, 0],
  ]);
});

test('the latencies of the last minute forget those before', () => {
  const traffic = new Traffic(1000, 600, 0);
  traffic.add(record({ total: 1000 }), 0);
  traffic.add(record({ total: 10 }), 30_000);
  assert.ok(traffic.latencies(40_000).p99! > 900);
  assert.ok(traffic.latencies(70_000).p99! < 11);
  assert.deepEqual(traffic.latencies(200_000), { p50: null, p90: null, p99: null });
});

test('retries and refusals are counted', () => {
  const traffic = new Traffic(1000, 10, 0);
  traffic.addEvent('retries', 10);
  traffic.addEvent('retries', 20);
  traffic.addEvent('refusals', 20);
  const [{ retries, refusals, requests } = {}] = traffic.slices(1000);
  assert.deepEqual([retries, refusals, requests], [2, 1, 0]);
});
