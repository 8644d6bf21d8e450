import assert from 'node:assert/strict';
import test from 'node:test';
import { deviation, quantile, robustScore, usual } from '../../lib/egress-guard/robust.ts';

test('quantiles lie between neighbours', () => {
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5);
  assert.equal(quantile([1, 2, 3, 4, 5], 0.25), 2);
  assert.equal(quantile([7], 0.75), 7);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test('one wild value moves neither the centre nor the scale', () => {
  const calm = usual([10, 11, 9, 10, 12, 8, 10], 0);
  const wild = usual([10, 11, 9, 10, 12, 8, 1e9], 0);
  assert.equal(calm.centre, 10);
  assert.equal(wild.centre, 10);
  assert.equal(deviation([8, 9, 10, 10, 10, 11, 12], 10), 1);
  assert.equal(calm.scale, 1.4826);
  assert.ok(wild.scale < 3);
  assert.ok(robustScore(1e9, wild) > 1e6);
});

test('values that were all the same have the least scale', () => {
  assert.deepEqual(usual([5, 5, 5], 0.5), { centre: 5, scale: 0.5 });
  assert.equal(robustScore(7, { centre: 5, scale: 0.5 }), 4);
});
