import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PowerOfTwo } from '../../../../lib/core/upstream/balancing/power-of-two.ts';
import { candidates, nearly, seedChance, shares, simulate } from './candidates.ts';

for (const [what, states, expected] of [
  ['equal servers', [{}, {}, {}, {}], [0.25, 0.25, 0.25, 0.25]],
  ['weights 3 and 1', [{ weight: 3 }, { weight: 1 }], [0.75, 0.25]],
  ['weights 5, 3, 2', [{ weight: 5 }, { weight: 3 }, { weight: 2 }], [0.5, 0.3, 0.2]],
  ['a server in slow start', [{}, {}, { share: 0.25 }], [4 / 9, 4 / 9, 1 / 9]],
  ['a weight of zero', [{}, { weight: 0 }], [1, 0]],
  ['a busier one of two', [{ inflight: 2 }, { inflight: 1 }], [0, 1]],
  ['the busiest of three', [{ inflight: 9 }, {}, {}], [0, 0.5, 0.5]],
  ['load in proportion to weight', [{ weight: 4, inflight: 8 }, { inflight: 2 }], [0.8, 0.2]],
  ['a heavy server with too much', [{ weight: 4, inflight: 9 }, { inflight: 1 }], [0, 1]],
] as const)
  test(`idle or loaded, the requests are shared by weight and load: ${what}`, (t) => {
    seedChance(t);
    const got = shares(new PowerOfTwo(), candidates(...states), 20_000);
    for (const [index, share] of expected.entries())
      assert.ok(nearly(got[index]!, share, 0.015), `got ${got.join(', ')}`);
  });

test('weights hold under a light load of short requests, too', (t) => {
  seedChance(t);
  const got = simulate(new PowerOfTwo(), candidates({ weight: 10 }, {}), {
    durations: [5, 5],
    concurrency: 3,
    requests: 11_000,
  });
  assert.ok(nearly(got[1]! / 11_000, 1 / 11, 0.02), `got ${got.join(', ')}`);
});

test('a server 50 times slower gets almost nothing', (t) => {
  seedChance(t);
  const got = simulate(new PowerOfTwo(), candidates({}, {}, {}), {
    durations: [5, 250, 5],
    concurrency: 20,
    requests: 10_000,
  });
  assert.ok(got[1]! < 600, `got ${got.join(', ')}`);
});
