import assert from 'node:assert/strict';
import test from 'node:test';
import { beaconScore } from '../../lib/egress-guard/beacon-score.ts';
import { seeded } from './support.ts';

const random = seeded(11);
const between = (low: number, high: number): number => low + random() * (high - low);
const many = (make: () => number): number[] => Array.from({ length: 64 }, make);
/** Exponentially distributed, as arrivals that know nothing of each other are. */
const chance = (mean: number): number => -mean * Math.log(1 - random());

for (const [what, intervals, sizes, low, high] of [
  ['to the second, always the same', many(() => 60_000), many(() => 300), 1, 1],
  [
    'each minute with a jitter of 10 %',
    many(() => between(54_000, 66_000)),
    many(() => 300),
    0.9,
    1,
  ],
  [
    'each minute with a jitter of 30 %',
    many(() => between(42_000, 78_000)),
    many(() => between(280, 340)),
    0.85,
    1,
  ],
  [
    'each hour, some calls lost',
    many(() => (random() < 0.1 ? 7_200_000 : 3_600_000)),
    many(() => 512),
    0.9,
    1,
  ],
  [
    'as people browse',
    many(() => chance(120_000)),
    many(() => 3000 * Math.exp(between(-2, 2))),
    0,
    0.7,
  ],
  ['even calls with bodies of any size', many(() => 60_000), many(() => chance(50_000)), 0, 0.85],
  ['even sizes at any time', many(() => chance(60_000)), many(() => 300), 0, 0.85],
] as const)
  test(`calls ${what}: from ${low} to ${high}`, () => {
    const { score } = beaconScore(intervals, sizes);
    assert.ok(score >= low && score <= high, String(score));
  });

test('nothing sent, nothing scored', () => {
  const { score } = beaconScore(
    many(() => 60_000),
    many(() => 0),
  );
  assert.ok(score < 0.85, String(score));
});
