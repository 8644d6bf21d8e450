import { clock } from './clock.ts';

/** For so long after a failure nothing is tried; then one command finds out (milliseconds). */
const pause = 1000;

/**
 * Spares everybody the wait for a Redis that is gone: after a failure commands fail at once, and one in a second
 * is let through as a probe. The first that is answered in time ends it.
 */
export class RedisCircuit {
  readonly #changed: (down: boolean, reason: unknown) => void;
  #down = false;
  #since = 0;
  #retryAt = 0;

  constructor(changed: (down: boolean, reason: unknown) => void) {
    this.#changed = changed;
  }

  /** Whether commands fail at once just now. */
  get open(): boolean {
    return this.#down && clock.monotonic() < this.#retryAt;
  }

  /** Milliseconds for which nothing has been answered in time; 0 when all is well. */
  get downFor(): number {
    return this.#down ? clock.monotonic() - this.#since : 0;
  }

  /** Lets a command through or not; while down, whoever is let through is the probe of this second. */
  admit(): boolean {
    if (!this.#down) return true;
    const now = clock.monotonic();
    if (now < this.#retryAt) return false;
    this.#retryAt = now + pause;
    return true;
  }

  succeeded(): void {
    if (!this.#down) return;
    this.#down = false;
    this.#changed(false, undefined);
  }

  failed(reason: unknown): void {
    const now = clock.monotonic();
    this.#retryAt = now + pause;
    if (this.#down) return;
    this.#down = true;
    this.#since = now;
    this.#changed(true, reason);
  }
}
