/**
 * The last so many slices of time, by their numbers: slice 7 is the eighth since the clock's origin. Each has a place
 * in a ring; where time has gone on, the places of slices long past are given to the new ones.
 */
export class TimeRing {
  /** Milliseconds of a slice. */
  readonly step: number;
  readonly length: number;
  /** Number of the slice that is filled now. */
  current: number;
  readonly #begins: (slice: number) => void;

  /** @param begins called for each new slice, in order: its place has to be cleared */
  constructor(step: number, length: number, now: number, begins: (slice: number) => void) {
    this.step = step;
    this.length = length;
    this.current = Math.floor(now / step);
    this.#begins = begins;
  }

  /** The place of the slice at this time, which is never before that of the call before. */
  at(now: number): number {
    const slice = Math.floor(now / this.step);
    if (slice > this.current) this.#advance(slice);
    return this.current % this.length;
  }

  /** Numbers of the slices that are over, oldest first: the last `length - 1`, or those from `first` on. */
  past(first = 0): number[] {
    const oldest = Math.max(first, this.current - this.length + 1);
    return Array.from({ length: Math.max(0, this.current - oldest) }, (_, at) => oldest + at);
  }

  #advance(slice: number): void {
    // After a long silence nothing of before is left.
    const first = Math.max(this.current + 1, slice - this.length + 1);
    for (let next = first; next <= slice; next++) {
      this.current = next;
      this.#begins(next);
    }
  }
}
