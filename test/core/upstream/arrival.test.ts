import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arrival } from '../../../lib/core/upstream/arrival.ts';
import { standStill } from './pool-support.ts';

for (const end of ['resolve', 'reject'] as const)
  test(`all who wait go on when it ${end}s, and no timer is left`, async (t) => {
    const time = standStill(t);
    const arrival = new Arrival();
    const first: PromiseWithResolvers<void> = Promise.withResolvers();
    assert.equal(arrival.pending, false);
    arrival.expect(first.promise);
    assert.equal(arrival.pending, true);
    const waiting = [arrival.wait(1000), arrival.wait(2000)];
    assert.equal(time.timers(), 2);
    first[end]();
    await Promise.all(waiting);
    assert.equal(arrival.pending, false);
    assert.equal(time.timers(), 0);
  });

test('nobody waits longer than asked', async (t) => {
  const time = standStill(t);
  const arrival = new Arrival();
  arrival.expect(new Promise(() => undefined));
  const ended: number[] = [];
  const waiting = [1000, 2000].map((limit) => arrival.wait(limit).then(() => ended.push(limit)));
  time.advance(1000);
  await waiting[0];
  assert.deepEqual(ended, [1000]);
  time.advance(1000);
  await waiting[1];
  assert.equal(arrival.pending, true);
});

test('only the latest expectation counts', async (t) => {
  standStill(t);
  const arrival = new Arrival();
  const old: PromiseWithResolvers<void> = Promise.withResolvers();
  const latest: PromiseWithResolvers<void> = Promise.withResolvers();
  arrival.expect(old.promise);
  arrival.expect(latest.promise);
  old.resolve();
  await old.promise;
  assert.equal(arrival.pending, true);
  latest.resolve();
  await latest.promise;
  assert.equal(arrival.pending, false);
});
