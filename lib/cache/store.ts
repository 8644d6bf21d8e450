import type { CacheRecord } from './entry.ts';

/** What of a store is to be cleared; nothing named is everything. */
export interface ClearTarget {
  readonly key?: string;
  readonly group?: string;
  /** Start of the URLs, by path segment as with routes: `https://shop.example/blog`. */
  readonly prefix?: string;
}

/** One line of a store's index. */
export interface IndexEntry {
  readonly key: string;
  readonly url: string;
  readonly groups: readonly string[];
  /** Bytes it takes in the store. */
  readonly size: number;
  /** Wall-clock milliseconds at which the store forgets it. */
  readonly expires: number;
}

export interface StoreStats {
  readonly entries: number;
  readonly bytes: number;
  /** Undefined when the store does not bound itself. */
  readonly maxSize: number | undefined;
}

/**
 * Where a cache keeps its records. A store that answers at once may do so without a promise: a hit then costs none.
 * No method rejects because the store is slow or gone: `get` finds nothing then, `set` does nothing.
 */
export interface CacheStore {
  get(key: string): CacheRecord | undefined | Promise<CacheRecord | undefined>;
  /** Keeps a record until `expires` (wall-clock milliseconds) at the longest. */
  set(key: string, record: CacheRecord, expires: number): void | Promise<void>;
  delete(key: string): boolean | Promise<boolean>;
  /** @returns how many records are gone */
  clear(target?: ClearTarget): number | Promise<number>;
  /** At most `limit` lines. */
  index(limit: number): readonly IndexEntry[] | Promise<readonly IndexEntry[]>;
  stats(): StoreStats | Promise<StoreStats>;
  /**
   * For stores that several processes share: lets one of them do what only one should, for at most so many
   * milliseconds. Undefined means another one has it; when the store is gone everybody gets it.
   */
  lock?(key: string, milliseconds: number): Promise<(() => void) | undefined>;
  close(): Promise<void>;
}
