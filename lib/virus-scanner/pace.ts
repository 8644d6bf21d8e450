import { clock } from '../core/clock.ts';

/** Bytes per second that keep a place for ever. Slow lines are faster; who holds on to a place on purpose wants to pay nothing. */
const leastRate = 8 * 1024;

/**
 * Whether a body comes fast enough to keep an engine from others. It may rest for so long; each of its bytes gives it a
 * little more time, up to that again. While the engine is what it waits for, its time does not run.
 */
export class Pace {
  readonly #rest: number;
  /** When its time is up. */
  due: number;

  /** @param rest milliseconds */
  constructor(rest: number) {
    this.#rest = rest;
    this.due = clock.monotonic() + rest;
  }

  came(bytes: number): void {
    if (this.due === Infinity) return;
    const full = clock.monotonic() + this.#rest;
    this.due = Math.min(full, this.due + (bytes / leastRate) * 1000);
  }

  /** The engine has to do something before anything else comes. */
  stop(): void {
    this.due = Infinity;
  }

  restart(): void {
    this.due = clock.monotonic() + this.#rest;
  }
}
