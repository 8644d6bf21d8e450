import assert from 'node:assert/strict';
import test from 'node:test';
import { useClock } from '../../../lib/core/clock.ts';
import { PinnedPools } from '../../../lib/core/upstream/pinned-pools.ts';

const site = { authority: 'site.test', port: 80, addresses: ['192.0.2.1'] };

test('a pool belongs to a name, its port and its addresses', async () => {
  const pools = new PinnedPools({});
  const first = pools.find(site);
  assert.equal(pools.find({ ...site, addresses: ['192.0.2.1'] }), first);
  assert.notEqual(pools.find({ ...site, addresses: ['192.0.2.2'] }), first);
  assert.notEqual(pools.find({ ...site, authority: 'other.test' }), first);
  assert.notEqual(pools.find({ ...site, port: 81 }), first);
  assert.deepEqual(
    first.servers.map(({ name }) => name),
    ['192.0.2.1:80'],
  );
  await pools.close();
  assert.equal(pools.size, 0);
});

test('their number is bounded, and what nobody uses is closed', (t) => {
  let now = 0;
  let sweep: (() => void) | undefined;
  t.after(
    useClock({
      monotonic: () => now,
      every: (_, callback) => {
        sweep = callback;
        return () => (sweep = undefined);
      },
    }),
  );
  const pools = new PinnedPools({});
  const kept = pools.find(site);
  for (let index = 0; index < 1500; index++) {
    pools.find({ ...site, authority: `${index}.test` });
    if (index % 100 === 0) assert.equal(pools.find(site), kept);
  }
  assert.equal(pools.size, 1000);
  now = 59_000;
  sweep?.();
  assert.equal(pools.size, 1000);
  pools.find(site);
  now = 61_000;
  sweep?.();
  assert.equal(pools.size, 1);
  now = 200_000;
  sweep?.();
  assert.equal(pools.size, 0);
  assert.equal(sweep, undefined);
});
