import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeastTime } from '../../../../lib/core/upstream/balancing/least-time.ts';
import { candidates, nearly, seedChance, shares, simulate } from './candidates.ts';

/** A balancer that has just asked all of them. */
function acquainted(servers: ReturnType<typeof candidates>): LeastTime {
  const balancer = new LeastTime();
  for (const server of servers) balancer.pick([server]);
  return balancer;
}

for (const [what, states, picked] of [
  ['the fastest', [{ latency: 20 }, { latency: 10 }, { latency: 30 }], 1],
  ['a slower one that is idle', [{ latency: 10, inflight: 3 }, { latency: 30 }], 1],
  ['the fast one although busier', [{ latency: 10, inflight: 1 }, { latency: 30 }], 0],
  ['the heavier of equals', [{ latency: 10 }, { latency: 10, weight: 2 }], 1],
  ['not the one in slow start', [{ latency: 10, share: 0.1 }, { latency: 20 }], 1],
  ['an idle one that is not known yet', [{ latency: 1 }, {}], 1],
  ['not the unknown one that is being tried', [{ latency: 1 }, { inflight: 1 }], 0],
  ['the unknown one when all are overrun', [{ latency: 9, inflight: 9 }, { inflight: 1 }], 1],
  ['the less busy of unknown ones', [{ inflight: 2 }, { inflight: 1 }], 1],
] as const)
  test(`picks ${what}`, (t) => {
    seedChance(t, { monotonic: () => 0 });
    const servers = candidates(...states);
    assert.equal(acquainted(servers).pick(servers), servers[picked]);
  });

test('equals are picked by chance', (t) => {
  seedChance(t);
  for (const share of shares(new LeastTime(), candidates({}, {}, {}), 9000))
    assert.ok(nearly(share, 1 / 3, 0.02), `got ${share}`);
});

test('a slow server is tried again when it was left alone long enough, and only once', (t) => {
  let now = 0;
  seedChance(t, { monotonic: () => now });
  const servers = candidates({ latency: 10 }, { latency: 500 });
  const [fast, slow] = servers;
  const balancer = acquainted(servers);
  const got = [];
  for (; now <= 60_000; now += 100) got.push(balancer.pick(servers));
  assert.equal(got.filter((server) => server === slow).length, 1);
  assert.equal(got[300], fast);
  assert.equal(balancer.pick(servers), fast);
});

test('a server 50 times slower gets almost nothing', (t) => {
  seedChance(t, { monotonic: () => 0 });
  const balancer = new LeastTime();
  const got = simulate(balancer, candidates({}, {}, {}), {
    durations: [250, 5, 5],
    concurrency: 20,
    requests: 10_000,
  });
  assert.ok(got[0]! < 20, `got ${got.join(', ')}`);
  assert.ok(got[0]! > 0, 'it was never tried');
});

test('a server without latency is not flooded', (t) => {
  seedChance(t, { monotonic: () => 0 });
  const servers = candidates({ latency: 5 }, { latency: 5 }, {});
  const balancer = acquainted(servers);
  const got = Array.from({ length: 9 }, () => {
    const server = balancer.pick(servers);
    server.inflight++;
    return server;
  });
  assert.equal(got.filter((server) => server === servers[2]).length, 3);
});
