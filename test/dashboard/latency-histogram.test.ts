import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  bucketCount,
  bucketOf,
  latencyOf,
  LatencyHistogram,
} from '../../lib/dashboard/latency-histogram.ts';

test('what is read of a latency is at most 1/32 off, or half a microsecond', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 2_000_000, noNaN: true }), (milliseconds) => {
      const read = latencyOf(bucketOf(milliseconds));
      assert.ok(Math.abs(read - milliseconds) <= Math.max(milliseconds / 32 + 0.0005, 0.0005));
    }),
  );
});

test('greater latencies have greater buckets, and none is left out', () => {
  const buckets = Array.from({ length: 100_000 }, (_, at) => bucketOf(1.0002 ** at / 1000));
  assert.deepEqual(
    buckets,
    [...buckets].sort((a, b) => a - b),
  );
  assert.ok(new Set(buckets).size > 300);
});

for (const [latency, bucket] of [
  [0, 0],
  [-1, 0],
  [NaN, 0],
  [Infinity, bucketCount - 1],
  [1e12, bucketCount - 1],
] as const)
  test(`a latency of ${latency} has bucket ${bucket}`, () => {
    assert.equal(bucketOf(latency), bucket);
  });

test('the quantiles are those of the sorted list', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true }), { minLength: 1 }),
      fc.constantFrom(0.5, 0.9, 0.99, 1),
      (latencies, share) => {
        const histogram = new LatencyHistogram(1);
        for (const latency of latencies) histogram.add(0, latency);
        const sorted = latencies.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(sorted.length * share) - 1]!;
        const [read] = histogram.quantiles([0], [share]);
        assert.ok(Math.abs(read! - exact) <= exact / 30 + 0.001, `${read} for ${exact}`);
      },
    ),
  );
});

test('slices are apart, are put together on demand, and a cleared one is empty', () => {
  const histogram = new LatencyHistogram(2);
  histogram.add(0, 10);
  histogram.add(1, 1000);
  const near = (value: number | undefined, expected: number): void => {
    assert.ok(value !== undefined && Math.abs(value / expected - 1) < 0.04, String(value));
  };
  near(histogram.quantiles([0], [0.99])[0], 10);
  near(histogram.quantiles([1], [0.5])[0], 1000);
  near(histogram.quantiles([0, 1], [0.5])[0], 10);
  near(histogram.quantiles([0, 1], [0.99])[0], 1000);
  histogram.clear(2);
  assert.deepEqual(histogram.quantiles([2], [0.5, 0.9]), [undefined, undefined]);
  near(histogram.quantiles([1], [0.5])[0], 1000);
});
