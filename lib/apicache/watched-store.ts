import { LRUCache } from 'lru-cache';
import type {
  CacheRecord,
  CacheStore,
  ClearTarget,
  Epoch,
  IndexEntry,
  StoreStats,
} from '../cache/index.ts';
import { clock } from '../core/clock.ts';
import { warn } from '../core/warn.ts';
import { nameOf } from './cache-index.ts';

/** So many entries are listed of a store that cannot say at once what it has. */
const mostLines = 10_000;
const sweepEvery = 1000;

export type OnExpire = (value: undefined, key: string) => void;

/** A store as apicache's API needs it: its index is there at once, and somebody hears when an entry's time is over. */
export class WatchedStore implements CacheStore {
  readonly #store: CacheStore;
  readonly #onExpire: () => OnExpire | undefined;
  readonly #lines: LRUCache<string, IndexEntry> = new LRUCache({ max: mostLines });
  #stopSweeping: (() => void) | undefined;
  readonly lock?: NonNullable<CacheStore['lock']>;

  constructor(store: CacheStore, onExpire: () => OnExpire | undefined) {
    this.#store = store;
    this.#onExpire = onExpire;
    if (store.lock !== undefined) this.lock = store.lock.bind(store);
  }

  get(key: string): ReturnType<CacheStore['get']> {
    return this.#store.get(key);
  }

  epoch(key: string): Epoch | Promise<Epoch> {
    return this.#store.epoch(key);
  }

  set(key: string, record: CacheRecord, expires: number, epoch?: Epoch): void | Promise<void> {
    const until = Math.min(expires, usableUntil(record));
    if (this.lock !== undefined || this.#onExpire() !== undefined) this.#note(key, record, until);
    return this.#store.set(key, record, until, epoch);
  }

  delete(key: string): boolean | Promise<boolean> {
    this.#lines.delete(key);
    return this.#store.delete(key);
  }

  clear(target: ClearTarget = {}): number | Promise<number> {
    const { key, group, prefix } = target;
    if (key !== undefined) this.#lines.delete(key);
    else if (group !== undefined) {
      for (const line of [...this.#lines.values()])
        if (line.groups.includes(group)) this.#lines.delete(line.key);
    } else if (prefix === undefined) this.#lines.clear();
    return this.#store.clear(target);
  }

  index(limit: number): readonly IndexEntry[] | Promise<readonly IndexEntry[]> {
    return this.#store.index(limit);
  }

  stats(): StoreStats | Promise<StoreStats> {
    return this.#store.stats();
  }

  close(): Promise<void> {
    this.#stopSweeping?.();
    return this.#store.close();
  }

  /** What is stored, or for a store elsewhere what this process has stored there. */
  lines(): readonly IndexEntry[] {
    if (this.lock === undefined) {
      const lines = this.index(Number.MAX_SAFE_INTEGER);
      if (!(lines instanceof Promise)) return lines;
    }
    const now = clock.now();
    return [...this.#lines.values()].filter(({ expires }) => expires > now);
  }

  /** Clears a group, or when there is none of this name the entries that have the name. */
  forget(target: string): void {
    this.#tell(this.#forget(target));
  }

  forgetAll(): void {
    this.#tell(this.clear());
  }

  #forget(target: string): unknown {
    const lines = this.lines();
    const isGroup = lines.some(({ groups }) => groups.includes(target));
    if (isGroup) return this.clear({ group: target });
    if (this.lock === undefined) {
      for (const line of lines)
        if (nameOf(line) === target) this.#tell(this.clear({ key: line.key }));
      return undefined;
    }
    return target.startsWith('/') ? this.#forgetNamed(target) : this.clear({ group: target });
  }

  /** What other processes have stored is not among our lines. */
  async #forgetNamed(target: string): Promise<void> {
    const lines = await this.index(Number.MAX_SAFE_INTEGER);
    for (const line of lines) if (nameOf(line) === target) await this.clear({ key: line.key });
  }

  /** Nobody waits for it, as in the original. */
  #tell(done: unknown): void {
    if (done instanceof Promise)
      done.catch((error: unknown) => {
        warn('SEKISHO_APICACHE', 'clear() did not reach everything in Redis', error);
      });
  }

  #note(key: string, record: CacheRecord, expires: number): void {
    const { url, groups } = record;
    this.#lines.set(key, { key, url, groups, size: 0, expires });
    if (this.#onExpire() !== undefined)
      this.#stopSweeping ??= clock.every(sweepEvery, () => {
        this.#sweep();
      });
  }

  #sweep(): void {
    const now = clock.now();
    for (const line of [...this.#lines.values()]) {
      if (line.expires > now) continue;
      this.#lines.delete(line.key);
      try {
        this.#onExpire()?.(undefined, nameOf(line));
      } catch (error) {
        warn('SEKISHO_APICACHE', 'events.expire threw', error);
      }
    }
    if (this.#lines.size > 0) return;
    this.#stopSweeping?.();
    this.#stopSweeping = undefined;
  }
}

/** What apicache users know: once its time is over an entry is gone, also one that the handler could confirm. */
function usableUntil(record: CacheRecord): number {
  if (record.kind === 'vary') return Infinity;
  const { received, lifetime, initialAge, staleWhileRevalidate, staleIfError } = record.validity;
  return received + lifetime - initialAge + Math.max(staleWhileRevalidate, staleIfError);
}
