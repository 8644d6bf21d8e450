import type { ServerState } from '../core/upstream/server.ts';
import { TimeRing } from './time-ring.ts';

/** From the best to the worst: of what a server was in a slice of time the worst is shown. */
export const states: readonly ServerState[] = ['unknown', 'up', 'draining', 'ejected', 'down'];
/** The history of a server is cut into so many slices. */
export const slicesOfHistory = 60;

/** What a server has done, oldest slice first. */
export interface ServerHistory {
  readonly requests: readonly number[];
  readonly failures: readonly number[];
  /** As indexes of `states`. */
  readonly states: readonly number[];
}

/** What is remembered of one server: how much it had to do, how often it failed and how it was. */
export class ServerTrack {
  readonly #ring: TimeRing;
  readonly #requests: Uint32Array = new Uint32Array(slicesOfHistory + 1);
  readonly #failures: Uint32Array = new Uint32Array(slicesOfHistory + 1);
  readonly #states: Uint8Array = new Uint8Array(slicesOfHistory + 1);
  #state = 0;

  constructor(step: number, now: number) {
    this.#ring = new TimeRing(step, slicesOfHistory + 1, now, (slice) => {
      const at = slice % (slicesOfHistory + 1);
      this.#requests[at] = 0;
      this.#failures[at] = 0;
      this.#states[at] = this.#state;
    });
  }

  add(failed: boolean, now: number): void {
    const at = this.#ring.at(now);
    this.#requests[at] = (this.#requests[at] ?? 0) + 1;
    if (failed) this.#failures[at] = (this.#failures[at] ?? 0) + 1;
  }

  /** From now on it is in this state. */
  note(state: ServerState, now: number): void {
    const at = this.#ring.at(now);
    this.#state = states.indexOf(state);
    this.#states[at] = Math.max(this.#states[at] ?? 0, this.#state);
  }

  /** Requests per second, of the slice that is filled and the one before. */
  rate(now: number): number {
    const at = this.#ring.at(now);
    const before = (this.#ring.current - 1) % this.#ring.length;
    const elapsed = this.#ring.step + (now % this.#ring.step);
    return (((this.#requests[at] ?? 0) + (this.#requests[before] ?? 0)) * 1000) / elapsed;
  }

  history(now: number): ServerHistory {
    this.#ring.at(now);
    const places = this.#ring.past().map((slice) => slice % this.#ring.length);
    const read = (column: Uint32Array | Uint8Array): number[] =>
      places.map((place) => column[place] ?? 0);
    return {
      requests: read(this.#requests),
      failures: read(this.#failures),
      states: read(this.#states),
    };
  }
}
