import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Refreshment } from './session-refresh.ts';

const mostRevoked = 10_000;
const mostRefreshed = 2000;

/** What all gates of this process with the same sessions have to know of each other. */
export class SharedSessions {
  /** By what makes sessions the same; one is there as long as a gate uses it. */
  static readonly #known = new Map<string, SharedSessions>();

  /** Ids of sessions that users have ended, whose cookies might still be around. */
  readonly ended = new LRUCache<string, true>({ max: mostRevoked });
  /** What the provider has ended, and when (wall-clock milliseconds). */
  readonly revoked = new LRUCache<string, number>({ max: mostRevoked });
  /** Logout tokens that have been used, and until when they would be good. */
  readonly used = new LRUCache<string, number>({ max: mostRevoked });
  /** Refreshments that are under way or have just been: browsers go on sending the cookie they had. */
  readonly refreshed = new LRUCache<string, Refreshment>({ max: mostRefreshed });
  readonly #key: string;
  #gates = 0;

  private constructor(key: string) {
    this.#key = key;
  }

  /** The same for the same sessions, until each gate that has it closes it. @param names issuer, client, cookie, secret */
  static of(...names: readonly string[]): SharedSessions {
    const key = hash('sha256', JSON.stringify(names));
    const shared = SharedSessions.#known.get(key) ?? new SharedSessions(key);
    SharedSessions.#known.set(key, shared);
    shared.#gates++;
    return shared;
  }

  close(): void {
    this.#gates--;
    if (this.#gates === 0) SharedSessions.#known.delete(this.#key);
  }
}
