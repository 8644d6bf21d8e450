import { beaconScore, type BeaconScore } from './beacon-score.ts';
import { Ring } from './ring.ts';

/** As many as are looked at: an hour of a call each minute. */
const kept = 64;
/** What comes so soon after the last is the same visit (milliseconds): a page with its parts, a client that tries again. */
const burst = 1000;
/** Scored again after so many visits. */
const step = 8;

/** When somebody calls one destination, and how much is sent each time. */
export class Rhythm {
  readonly #intervals = new Ring(kept);
  readonly #sizes = new Ring(kept);
  /** Beginning of the visit, and the last that is known of it. */
  #since: number | undefined;
  #last = 0;
  #size = 0;
  #visits = 0;

  /** Somebody calls. @returns whether it is time to look at the score */
  call(now: number): boolean {
    const since = this.#since;
    const gap = now - this.#last;
    // What comes a moment late was under way from another process; a clock may have been set back.
    if (gap > 0 || gap < -burst) this.#last = now;
    if (since !== undefined && gap < burst) return false;
    this.#since = now;
    if (since === undefined) return false;
    this.#intervals.push(now - since);
    this.#sizes.push(this.#size);
    this.#size = 0;
    this.#visits++;
    return this.#visits % step === 0;
  }

  /** The visit has sent so much. */
  carried(bytes: number): void {
    this.#size += bytes;
  }

  /** Visits that are kept. */
  get visits(): number {
    return this.#intervals.size;
  }

  score(): BeaconScore {
    return beaconScore(this.#intervals, this.#sizes);
  }
}
