/** Each doubling of the latency is cut into so many buckets: what is read is at most 1/32 off. */
const perDoubling = 16;
/** Microseconds up to here have a bucket each; 2 to the power of 5. */
const exact = 2 * perDoubling;
const exactBits = 5;
/** More than half an hour counts as half an hour. */
const longest = 2 ** 31 - 1;
export const bucketCount: number = perDoubling * (31 - exactBits) + exact;

/** Which bucket a latency falls into. */
export function bucketOf(milliseconds: number): number {
  // Not NaN either, which no comparison is true for.
  const microseconds = milliseconds > 0 ? Math.min(Math.round(milliseconds * 1000), longest) : 0;
  if (microseconds < exact) return microseconds;
  const shift = 32 - exactBits - Math.clz32(microseconds);
  return perDoubling * shift + (microseconds >>> shift);
}

/** The latency in the middle of a bucket, in milliseconds. */
export function latencyOf(bucket: number): number {
  if (bucket < exact) return bucket / 1000;
  const shift = Math.floor(bucket / perDoubling) - 1;
  const mantissa = bucket - perDoubling * shift;
  return ((mantissa + 0.5) * 2 ** shift) / 1000;
}

/**
 * How often each latency occurred in each of the last slices of time, in buckets whose width grows with the latency, as
 * HdrHistogram has them. Its size is fixed, and a latency costs one addition.
 */
export class LatencyHistogram {
  readonly #rows: number;
  readonly #counts: Uint32Array;

  constructor(rows: number) {
    this.#rows = rows;
    this.#counts = new Uint32Array(rows * bucketCount);
  }

  add(slice: number, milliseconds: number): void {
    const at = (slice % this.#rows) * bucketCount + bucketOf(milliseconds);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  clear(slice: number): void {
    const start = (slice % this.#rows) * bucketCount;
    this.#counts.fill(0, start, start + bucketCount);
  }

  /** The latencies that these shares of the requests in these slices stayed under; undefined when there were none. */
  quantiles(slices: readonly number[], shares: readonly number[]): (number | undefined)[] {
    const sums = new Uint32Array(bucketCount);
    for (const slice of slices) {
      const start = (slice % this.#rows) * bucketCount;
      for (let bucket = 0; bucket < bucketCount; bucket++)
        sums[bucket] = (sums[bucket] ?? 0) + (this.#counts[start + bucket] ?? 0);
    }
    return quantiles(sums, shares);
  }
}

function quantiles(counts: Uint32Array, shares: readonly number[]): (number | undefined)[] {
  let total = 0;
  for (const count of counts) total += count;
  return shares.map((share) => {
    if (total === 0) return undefined;
    let left = Math.max(1, Math.ceil(total * share));
    return latencyOf(counts.findIndex((count) => (left -= count) <= 0));
  });
}
