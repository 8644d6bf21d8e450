/** How one middleware does; rates are from 0 to 1, or null as long as there was no request. */
export interface PerformanceReport {
  readonly lastCacheHit: string | null;
  readonly lastCacheMiss: string | null;
  readonly callCount: number;
  readonly hitCount: number;
  readonly missCount: number;
  readonly hitRate: number | null;
  readonly hitRateLast100: number | null;
  readonly hitRateLast1000: number | null;
  readonly hitRateLast10000: number | null;
  readonly hitRateLast100000: number | null;
}

const windows = [100, 1000, 10_000, 100_000] as const;
const longest = 100_000;

/** Counts hits over all requests and over the last ones, at the same cost for each request. */
export class HitRate {
  readonly #last = new Uint8Array(longest);
  readonly #hitsIn = [0, 0, 0, 0];
  #calls = 0;
  #hits = 0;
  #lastHit: string | null = null;
  #lastMiss: string | null = null;

  count(key: string, hit: boolean): void {
    const value = hit ? 1 : 0;
    windows.forEach((size, index) => {
      const leaving =
        this.#calls < size ? 0 : (this.#last[(this.#calls - size) % longest] as number);
      this.#hitsIn[index] = (this.#hitsIn[index] as number) + value - leaving;
    });
    this.#last[this.#calls % longest] = value;
    this.#calls += 1;
    this.#hits += value;
    if (hit) this.#lastHit = key;
    else this.#lastMiss = key;
  }

  report(): PerformanceReport {
    const calls = this.#calls;
    const rate = (hits: number, of: number): number | null => (calls === 0 ? null : hits / of);
    const [in100, in1000, in10000, in100000] = windows.map((size, index) =>
      rate(this.#hitsIn[index] as number, Math.min(calls, size)),
    ) as [number | null, number | null, number | null, number | null];
    return {
      lastCacheHit: this.#lastHit,
      lastCacheMiss: this.#lastMiss,
      callCount: calls,
      hitCount: this.#hits,
      missCount: calls - this.#hits,
      hitRate: rate(this.#hits, calls),
      hitRateLast100: in100,
      hitRateLast1000: in1000,
      hitRateLast10000: in10000,
      hitRateLast100000: in100000,
    };
  }
}
