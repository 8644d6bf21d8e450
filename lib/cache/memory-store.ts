import { getHeapStatistics } from 'node:v8';
import { LRUCache } from 'lru-cache';
import { clock } from '../core/clock.ts';
import { count, parseOptions, quote, schemaOf, size, type Size } from '../core/options.ts';
import type { CacheRecord } from './entry.ts';
import { GroupIndex } from './group-index.ts';
import { Invalidations } from './invalidations.ts';
import { ownBody } from './own-body.ts';
import { recordSize } from './record-size.ts';
import type { CacheStore, ClearTarget, Epoch, IndexEntry, StoreStats } from './store.ts';
import { urlPrefix } from './url-prefix.ts';

export interface MemoryStoreOptions {
  /**
   * The bytes it takes at most. Counted are bodies, fields, keys and about 900 bytes per entry for the objects around
   * them, as measured; the least recently used make room. @default '256mb'
   */
  readonly maxSize?: Size;
  /** The entries it has at most. @default as many as `maxSize` allows */
  readonly maxEntries?: number;
}

const optionsSchema = schemaOf<MemoryStoreOptions>()({
  maxSize: size()
    .refine((bytes) => bytes > 0, {
      error: ({ input }) => `${quote(input)} keeps nothing; use a size such as '256mb'`,
    })
    .default(256 * 1024 * 1024),
  maxEntries: count(1).optional(),
});

/** As much of V8's heap as bodies may take. */
const textShare = 8;

interface Stored {
  readonly record: CacheRecord;
  readonly expires: number;
  readonly size: number;
}

/**
 * Keeps a cache's records in this process: the default of `cache()`. Bounded in bytes, without timers: what has
 * expired is dropped when it is asked for, or when it has become the least recently used.
 *
 * @example cache({ store: memoryStore({ maxSize: '1gb' }) });
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { maxSize, maxEntries } = parseOptions('memoryStore', optionsSchema, options);
  return new MemoryStore(maxSize, maxEntries ?? Infinity);
}

/** Answers at once, without promises. */
class MemoryStore implements CacheStore {
  readonly #groups = new GroupIndex();
  readonly #invalidations = new Invalidations();
  readonly #stored: LRUCache<string, Stored>;
  readonly #maxSize: number;
  readonly #maxEntries: number;
  /** Bytes of bodies that are texts: they are on V8's heap, which has a limit of its own. */
  #texts = 0;
  readonly #maxTexts = getHeapStatistics().heap_size_limit / textShare;

  constructor(maxSize: number, maxEntries: number) {
    this.#maxSize = maxSize;
    this.#maxEntries = maxEntries;
    this.#stored = new LRUCache({
      maxSize,
      sizeCalculation: (stored) => stored.size,
      dispose: ({ record }, key) => {
        this.#groups.remove(key, record.groups);
        this.#texts -= textBytes(record);
      },
    });
  }

  get(key: string): CacheRecord | undefined {
    const stored = this.#stored.get(key);
    if (stored === undefined) return undefined;
    if (stored.expires > clock.now()) return stored.record;
    this.#stored.delete(key);
    return undefined;
  }

  epoch(): number {
    return this.#invalidations.epoch;
  }

  set(key: string, record: CacheRecord, expires: number, epoch?: Epoch): void {
    if (epoch !== undefined && this.#invalidations.since(Number(epoch), key)) return;
    const kept = ownBody(record, this.#texts < this.#maxTexts);
    const stored = { record: kept, expires, size: recordSize(key, kept) };
    if (stored.size > this.#maxSize || !(expires > clock.now())) {
      this.#stored.delete(key);
      return;
    }
    this.#texts += textBytes(kept);
    this.#stored.set(key, stored);
    this.#groups.add(key, kept.groups);
    // Not lru-cache's own limit: it reserves all places at once.
    if (this.#stored.size > this.#maxEntries) this.#stored.pop();
  }

  delete(key: string): boolean {
    this.#invalidations.delete(key);
    return this.#stored.delete(key);
  }

  clear(target: ClearTarget = {}): number {
    const { key, group, prefix } = target;
    const startsWith = prefix === undefined ? undefined : urlPrefix(prefix);
    if (key === undefined) this.#invalidations.clear();
    else this.#invalidations.delete(key);
    const keys =
      key !== undefined
        ? [key]
        : group !== undefined
          ? this.#groups.keysOf(group)
          : [...this.#stored.keys()];
    let gone = 0;
    for (const each of keys) {
      const record = this.#stored.peek(each)?.record;
      if (record === undefined) continue;
      if (group !== undefined && !record.groups.includes(group)) continue;
      if (startsWith?.(record.url) === false) continue;
      this.#stored.delete(each);
      gone++;
    }
    return gone;
  }

  index(limit: number): readonly IndexEntry[] {
    const lines: IndexEntry[] = [];
    const now = clock.now();
    for (const [key, { record, expires, size: bytes }] of this.#stored.entries()) {
      if (lines.length >= limit) break;
      if (expires <= now) continue;
      lines.push({ key, url: record.url, groups: record.groups, size: bytes, expires });
    }
    return lines;
  }

  stats(): StoreStats {
    return {
      entries: this.#stored.size,
      bytes: this.#stored.calculatedSize,
      maxSize: this.#maxSize,
    };
  }

  close(): Promise<void> {
    this.#stored.clear();
    return Promise.resolve();
  }
}

function textBytes(record: CacheRecord): number {
  return record.kind === 'answer' && typeof record.body === 'string' ? record.body.length : 0;
}

export type { MemoryStore };
