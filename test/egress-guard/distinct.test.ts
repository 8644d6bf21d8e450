import assert from 'node:assert/strict';
import test from 'node:test';
import { DistinctCounter } from '../../lib/egress-guard/distinct.ts';

for (const count of [0, 1, 24, 25, 100, 1000, 30_000])
  test(`${count} different texts, each three times: counted within 15 %`, () => {
    const counter = new DistinctCounter();
    for (let round = 0; round < 3; round++)
      for (let number = 0; number < count; number++) counter.add(`name-${number}`);
    assert.ok(Math.abs(counter.count - count) <= count * 0.15, String(counter.count));
    if (count <= 24) assert.equal(counter.count, count);
    counter.clear();
    assert.equal(counter.count, 0);
  });

test('add says whether it is news', () => {
  const counter = new DistinctCounter();
  assert.equal(counter.add('a'), true);
  assert.equal(counter.add('a'), false);
});
