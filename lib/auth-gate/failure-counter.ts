import { LRUCache } from 'lru-cache';

/** When a lock begins and how it grows. */
export interface Backoff {
  readonly attempts: number;
  /** Milliseconds, all of them. */
  readonly window: number;
  readonly base: number;
  readonly max: number;
}

interface Failures {
  count: number;
  /** Until when it is locked. */
  until: number;
  forgottenAt: number;
}

/** Keys beyond these are forgotten, the longest untouched first. */
const mostKeys = 20_000;

/** Counts the failures of one kind of key, and says for how long each is locked. Times are monotonic milliseconds. */
export class FailureCounter {
  readonly #backoff: Backoff;
  readonly #failures = new LRUCache<string, Failures>({ max: mostKeys });

  constructor(backoff: Backoff) {
    this.#backoff = backoff;
  }

  /** @returns milliseconds, 0 when it is not locked */
  remaining(key: string, now: number): number {
    if (this.#failures.size === 0) return 0;
    return Math.max(0, (this.#current(key, now)?.until ?? 0) - now);
  }

  /** @returns for how long it is locked now (milliseconds) */
  fail(key: string, now: number): number {
    const { attempts, window, base, max } = this.#backoff;
    const failures = this.#current(key, now) ?? { count: 0, until: 0, forgottenAt: 0 };
    failures.count++;
    const lock =
      failures.count < attempts ? 0 : Math.min(max, base * 2 ** (failures.count - attempts));
    if (lock > 0) failures.until = now + lock;
    failures.forgottenAt = now + lock + window;
    this.#failures.set(key, failures);
    return lock;
  }

  /** Takes back so many of the failures. @returns how many there were */
  forgive(key: string, now: number, count = Infinity): number {
    if (this.#failures.size === 0) return 0;
    const failures = this.#current(key, now);
    if (failures === undefined) return 0;
    const before = failures.count;
    failures.count -= count;
    if (failures.count <= 0) this.#failures.delete(key);
    return before;
  }

  /** Somebody else counts, too, and this is what it came to. */
  learn(key: string, now: number, remaining: number): void {
    const failures = this.#current(key, now);
    if (failures !== undefined) failures.until = now + remaining;
    else if (remaining > 0)
      this.#failures.set(key, {
        count: this.#backoff.attempts,
        until: now + remaining,
        forgottenAt: now + remaining + this.#backoff.window,
      });
  }

  #current(key: string, now: number): Failures | undefined {
    const failures = this.#failures.get(key);
    if (failures === undefined || now < failures.forgottenAt) return failures;
    this.#failures.delete(key);
    return undefined;
  }
}
