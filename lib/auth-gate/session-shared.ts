import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Refreshment } from './session-refresh.ts';

const mostRevoked = 10_000;
const mostRefreshed = 2000;

/** What all gates of this process with the same sessions have to know of each other. */
export class SharedSessions {
  /** Ids of sessions that users have ended, whose cookies might still be around. */
  readonly ended = new LRUCache<string, true>({ max: mostRevoked });
  /** What the provider has ended, and when (wall-clock milliseconds). */
  readonly revoked = new LRUCache<string, number>({ max: mostRevoked });
  /** Logout tokens that have been used, and until when they would be good. */
  readonly used = new LRUCache<string, number>({ max: mostRevoked });
  /** Refreshments that are under way or have just been: browsers go on sending the cookie they had. */
  readonly refreshed = new LRUCache<string, Refreshment>({ max: mostRefreshed });
  readonly #release: () => void;

  constructor(release: () => void) {
    this.#release = release;
  }

  close(): void {
    this.#release();
  }
}

/** By what makes sessions the same; an entry is there as long as a gate uses it. */
const known = new Map<string, { readonly shared: SharedSessions; users: number }>();

/** The same for the same sessions. @param names issuer, client, cookie, secret */
export function sharedSessions(...names: readonly string[]): SharedSessions {
  const key = hash('sha256', JSON.stringify(names));
  const entry = known.get(key) ?? {
    shared: new SharedSessions(() => {
      entry.users--;
      if (entry.users === 0) known.delete(key);
    }),
    users: 0,
  };
  entry.users++;
  known.set(key, entry);
  return entry.shared;
}
