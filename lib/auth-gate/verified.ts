import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { clock } from '../core/clock.ts';

const mostRemembered = 10_000;

/**
 * Passwords that were right a short while ago, so that a page with fifty pictures does not cost fifty slow hashes. Kept is a
 * keyed digest of name, password and stored hash: the key dies with the process, and another hash is another digest.
 */
export class Verified {
  readonly #key = randomBytes(32).toString('base64');
  readonly #until = new LRUCache<string, number>({ max: mostRemembered });
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #remember: number;

  /** @param remember milliseconds; 0 remembers nothing */
  constructor(remember: number) {
    this.#remember = remember;
  }

  digest(name: string, password: string, stored: string): string {
    // With their lengths in front no two of them run together. Nobody ever sees a digest, so a key at both ends does
    // what HMAC would, at a fifth of its cost.
    return hash(
      'sha256',
      `${this.#key}${name.length}:${password.length}:${name}${password}${stored}${this.#key}`,
      'base64',
    );
  }

  has(digest: string): boolean {
    const until = this.#until.get(digest);
    if (until === undefined) return false;
    if (clock.monotonic() < until) return true;
    this.#until.delete(digest);
    return false;
  }

  /** Those who ask the same at the same time share one verification. */
  verify(digest: string, verify: () => Promise<boolean>): Promise<boolean> {
    const running = this.#running.get(digest);
    if (running !== undefined) return running;
    const started = verify()
      .then((right) => {
        if (right && this.#remember > 0)
          this.#until.set(digest, clock.monotonic() + this.#remember);
        return right;
      })
      .finally(() => this.#running.delete(digest));
    this.#running.set(digest, started);
    return started;
  }
}
