import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeastConnections } from '../../../../lib/core/upstream/balancing/least-connections.ts';
import { candidates, nearly, seedChance, shares, simulate } from './candidates.ts';

for (const [what, states, expected] of [
  ['the one with the fewest', [{ inflight: 3 }, { inflight: 1 }, { inflight: 2 }], [0, 1, 0]],
  ['ties by chance', [{ inflight: 1 }, { inflight: 1 }, { inflight: 2 }], [0.5, 0.5, 0]],
  ['idle servers by weight', [{ weight: 3 }, { weight: 1 }], [0.75, 0.25]],
  ['a server in slow start', [{}, { share: 0.2 }], [5 / 6, 1 / 6]],
  ['requests per weight', [{ weight: 2, inflight: 4 }, { inflight: 1 }], [0, 1]],
  ['equal load per weight', [{ weight: 3, inflight: 3 }, { inflight: 1 }], [0.75, 0.25]],
  ['weights of zero', [{ weight: 0 }, { weight: 0 }], [1, 0]],
] as const)
  test(`picks by requests in flight and weight: ${what}`, (t) => {
    seedChance(t);
    const got = shares(new LeastConnections(), candidates(...states), 20_000);
    for (const [index, share] of expected.entries())
      assert.ok(nearly(got[index]!, share, 0.015), `got ${got.join(', ')}`);
  });

test('a server 50 times slower gets almost nothing', (t) => {
  seedChance(t);
  const got = simulate(new LeastConnections(), candidates({}, {}, {}), {
    durations: [5, 5, 250],
    concurrency: 20,
    requests: 10_000,
  });
  assert.ok(got[2]! < 400, `got ${got.join(', ')}`);
});
