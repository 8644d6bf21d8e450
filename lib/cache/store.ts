import type { CacheRecord } from './entry.ts';

/** What of a store is to be cleared; nothing named is everything. */
export interface ClearTarget {
  readonly key?: string;
  readonly group?: string;
  /**
   * Start of the URLs, by path segment as with routes: `/blog` is `/blog`, `/blog/x` and `/blog?x` of every host, not
   * `/blogger`; `https://shop.example/blog` is that of one host.
   */
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

/** What a store had of invalidations when it was asked; only it knows how to read it. */
export type Epoch = string | number;

/**
 * Where a cache keeps its records. A store that answers at once may do so without a promise: a hit then costs none.
 * Requests never fail because the store is slow or gone: `get` finds nothing then, `set` and `delete` do nothing, and
 * everybody gets the `lock`. What an operator asks for must not seem to have happened: `clear`, `index` and `stats`
 * reject. Records are shared, not copied: neither side changes one.
 */
export interface CacheStore {
  get(key: string): CacheRecord | undefined | Promise<CacheRecord | undefined>;
  /**
   * Asked before the origin is, and given to `set` with its answer: an answer made before a `clear` or a `delete` of
   * its key, whichever process asked for it, must not come into the store after it.
   */
  epoch(key: string): Epoch | Promise<Epoch>;
  /**
   * Keeps a record until `expires` (wall-clock milliseconds) at the longest; what has expired already only takes the
   * place of what was there. With an epoch nothing is kept when the key has been deleted or anything cleared since.
   */
  set(key: string, record: CacheRecord, expires: number, epoch?: Epoch): void | Promise<void>;
  /** @returns whether there was one */
  delete(key: string): boolean | Promise<boolean>;
  /**
   * Forgets what fits all that is named.
   *
   * @returns how many records are gone
   * @throws {OptionsError} (or rejects) for a prefix that is neither a path nor a URL
   */
  clear(target?: ClearTarget): number | Promise<number>;
  /** At most `limit` lines, of what has not expired. */
  index(limit: number): readonly IndexEntry[] | Promise<readonly IndexEntry[]>;
  stats(): StoreStats | Promise<StoreStats>;
  /**
   * For stores that several processes share: lets one of them do what only one should, for at most so many
   * milliseconds. Undefined means another one has it; when the store is gone everybody gets it.
   */
  lock?(key: string, milliseconds: number): Promise<(() => void) | undefined>;
  close(): Promise<void>;
}
