import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RoundRobin } from '../../../../lib/core/upstream/balancing/round-robin.ts';
import { candidates, shares } from './candidates.ts';

function turns(
  balancer: RoundRobin,
  servers: ReturnType<typeof candidates>,
  count: number,
): string {
  return Array.from({ length: count }, () => servers.indexOf(balancer.pick(servers))).join('');
}

for (const [weights, expected] of [
  [[1, 1, 1], '012012'],
  [[5, 1, 1], '00102000010200'],
  [[3, 1], '00100010'],
  [[0.5, 0.25], '010010'],
] as const)
  test(`weights ${weights.join(', ')} give the turns ${expected}`, () => {
    const servers = candidates(...weights.map((weight) => ({ weight })));
    assert.equal(turns(new RoundRobin(), servers, expected.length), expected);
  });

test('over a full round every server has exactly its weight', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(weights, (list) => {
      const total = list.reduce((sum, weight) => sum + weight, 0);
      const got = shares(
        new RoundRobin(),
        candidates(...list.map((weight) => ({ weight }))),
        total,
      );
      assert.deepEqual(
        got.map((share) => Math.round(share * total)),
        list,
      );
    }),
  );
});

test('a server in slow start has its share of the turns', () => {
  assert.deepEqual(
    shares(new RoundRobin(), candidates({}, {}, { share: 0.5 }), 1000),
    [0.4, 0.4, 0.2],
  );
});

test('a server that was away comes back to its turn, not to all it missed', () => {
  const servers = candidates({}, {}, {});
  const balancer = new RoundRobin();
  turns(balancer, servers, 4);
  turns(balancer, servers.slice(0, 2), 101);
  const after = turns(balancer, servers, 30);
  for (const index of '012') assert.equal(after.split(index).length - 1, 10);
});

test('two balancers do not take turns from each other', () => {
  const servers = candidates({}, {});
  turns(new RoundRobin(), servers, 1);
  assert.equal(turns(new RoundRobin(), servers, 2), '01');
});
