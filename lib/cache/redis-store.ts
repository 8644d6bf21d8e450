import { randomBytes } from 'node:crypto';
import { clock } from '../core/clock.ts';
import { OptionsError } from '../core/errors.ts';
import { parseOptions, schemaOf } from '../core/options.ts';
import {
  checkRedis,
  Redis,
  RedisUnavailable,
  redisShape,
  type RedisNode,
  type RedisOptions,
} from '../core/redis.ts';
import type { CacheRecord } from './entry.ts';
import {
  decodeLabel,
  decodeRecord,
  encodeRecord,
  isOtherVersion,
  type RecordLabel,
} from './record-codec.ts';
import { RedisGroups, spread, unspread } from './redis-groups.ts';
import type { CacheStore, ClearTarget, Epoch, IndexEntry, StoreStats } from './store.ts';
import { urlPrefix } from './url-prefix.ts';

export type RedisStoreOptions = RedisOptions;

const optionsSchema = schemaOf<RedisStoreOptions>()(redisShape).superRefine(checkRedis);

/** Nobody waits for a write, and a large body takes its time: so many times the time limit, and a second at least. */
const writePatience = 10;
/** What an operator asks for may take longer (milliseconds, per command). */
const operatorLimit = 10_000;
/** How long a deletion is remembered; a fetch that takes longer is not stored (milliseconds). */
const deletionMemory = 10 * 60_000;
/** How long a clear is remembered. */
const clearMemory = 24 * 60 * 60_000;
/** What is read of a record for its URL and groups; seldom too little. */
const labelBytes = 1024;
/** Keys looked at in one go. */
const batch = 100;
const lastClear = 'cleared';
/** Redis did not say; equals no other. */
const unknown = '?';

/**
 * Keeps a cache's records in Redis (from 6.2 on) or Valkey, alone or as a cluster, for as many processes as there are.
 * When it is slow or gone requests go to the origin, and a warning `SEKISHO_REDIS` says so.
 *
 * @example cache({ store: redisStore({ url: 'redis://localhost:6379' }) });
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function redisStore(options: RedisStoreOptions): CacheStore {
  const { client, url, prefix, timeout } = parseOptions('redisStore', optionsSchema, options);
  const without = 'requests go to the origin';
  return new RedisStore(new Redis({ client, url, prefix, timeout, without }), timeout);
}

class RedisStore implements CacheStore {
  readonly #redis: Redis;
  readonly #groups: RedisGroups;
  readonly #writeLimit: number;

  constructor(redis: Redis, timeout: number) {
    this.#redis = redis;
    this.#groups = new RedisGroups(redis);
    this.#writeLimit = Math.max(1000, timeout * writePatience);
  }

  get(key: string): undefined | Promise<CacheRecord | undefined> {
    return this.#redis.available ? this.#get(key) : undefined;
  }

  async #get(key: string): Promise<CacheRecord | undefined> {
    const bytes = await this.#redis.get(recordKey(key)).catch(nothing);
    if (bytes === undefined) return undefined;
    const record = decodeRecord(bytes);
    if (record === undefined && !isOtherVersion(bytes))
      await this.#redis.delete(recordKey(key)).catch(nothing);
    return record;
  }

  /** Random words that each invalidation renews; a count would begin anew when Redis forgets it. */
  async epoch(key: string): Promise<string> {
    if (!this.#redis.available) return unknown;
    const words = [this.#redis.get(lastClear), this.#redis.get(deletionKey(key))];
    return Promise.all(words).then(
      ([cleared = '', deleted = '']) => `${String(cleared)} ${String(deleted)}`,
      () => unknown,
    );
  }

  async set(key: string, record: CacheRecord, expires: number, epoch?: Epoch): Promise<void> {
    if (!this.#redis.available) return;
    const before = await this.epoch(key);
    if (before === unknown || (epoch !== undefined && epoch !== before)) return;
    const ttl = expires - clock.now();
    const bytes = ttl > 0 ? encodeRecord(record) : undefined;
    if (bytes === undefined) {
      await this.#forget(key);
      return;
    }
    const limit = this.#writeLimit;
    const writes = [
      this.#redis.set(recordKey(key), bytes, ttl, limit),
      ...record.groups.map((group) => this.#groups.add(group, key, ttl, limit)),
    ];
    const done = await Promise.allSettled(writes);
    // Not without its groups, and not when something was cleared while it was being written: whoever cleared may not
    // have seen it. A clear that begins now sees all of it.
    if (done.some(({ status }) => status === 'rejected') || (await this.epoch(key)) !== before)
      await this.#forget(key);
  }

  async delete(key: string): Promise<boolean> {
    if (!this.#redis.available) return false;
    // First the mark, then the deletion: so that who writes meanwhile sees the one, or is hit by the other.
    await this.#redis.set(deletionKey(key), mark(), deletionMemory).catch(nothing);
    return this.#forget(key);
  }

  #forget(key: string): Promise<boolean> {
    return this.#redis.delete(recordKey(key)).catch(() => false);
  }

  async clear(target: ClearTarget = {}): Promise<number> {
    try {
      return await this.#clear(target);
    } catch (error) {
      if (error instanceof OptionsError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new RedisUnavailable(`not everything was cleared: ${reason}`, { cause: error });
    }
  }

  async #clear(target: ClearTarget): Promise<number> {
    const { key, group, prefix } = target;
    const startsWith = prefix === undefined ? undefined : urlPrefix(prefix);
    const fits = ({ url, groups }: RecordLabel): boolean =>
      startsWith?.(url) !== false && (group === undefined || groups.includes(group));
    const all = group === undefined && prefix === undefined;
    const [markKey, memory] =
      key === undefined ? [lastClear, clearMemory] : [deletionKey(key), deletionMemory];
    await this.#mark(markKey, memory);
    let gone = 0;
    const remove = async (keys: readonly string[]): Promise<void> => {
      const removed = await Promise.all(
        keys.map((each) => this.#remove(each, all ? undefined : fits)),
      );
      gone += removed.filter(Boolean).length;
    };
    if (key !== undefined) await remove([key]);
    else if (group !== undefined) await this.#groups.empty(group, operatorLimit, remove);
    else for await (const { keys } of this.#batches()) await remove(keys);
    return gone;
  }

  async #mark(key: string, memory: number): Promise<void> {
    try {
      await this.#operate(key, ['SET', null, mark(), 'PX', String(memory)]);
    } catch (error) {
      // A Redis that is full takes no word, but one less is also a change.
      if (!(error instanceof Error && error.message.startsWith('OOM '))) throw error;
      await this.#operate(key, ['UNLINK', null]);
    }
  }

  async #remove(
    key: string,
    fits: ((label: RecordLabel) => boolean) | undefined,
  ): Promise<boolean> {
    if (fits !== undefined) {
      const label = await this.#label(key);
      if (label === undefined || !fits(label)) return false;
    }
    return (await this.#operate(recordKey(key), ['UNLINK', null])) === 1;
  }

  /** URL and groups of what is stored at a key, without its body. */
  async #label(key: string): Promise<RecordLabel | undefined> {
    const read = async (length: number): Promise<ReturnType<typeof decodeLabel>> => {
      const range = ['GETRANGE', null, '0', String(length - 1)];
      return decodeLabel((await this.#operate(recordKey(key), range)) as Buffer);
    };
    let label = await read(labelBytes);
    if (typeof label === 'number') label = await read(label);
    return typeof label === 'object' ? label : undefined;
  }

  async index(limit: number): Promise<readonly IndexEntry[]> {
    const lines = new Map<string, IndexEntry>();
    for await (const { keys } of this.#batches()) {
      const found = await Promise.all(keys.map((key) => this.#line(key)));
      for (const line of found)
        if (line !== undefined && lines.size < limit) lines.set(line.key, line);
      if (lines.size >= limit) break;
    }
    return [...lines.values()];
  }

  async #line(key: string): Promise<IndexEntry | undefined> {
    const [label, size, ttl] = await Promise.all([
      this.#label(key),
      this.#operate(recordKey(key), ['STRLEN', null]),
      this.#operate(recordKey(key), ['PTTL', null]),
    ]);
    if (label === undefined || Number(ttl) <= 0) return undefined;
    return { key, ...label, size: Number(size), expires: clock.now() + Number(ttl) };
  }

  async stats(): Promise<StoreStats> {
    let entries = 0;
    let bytes = 0;
    for await (const { keys, send } of this.#batches()) {
      const sizes = await Promise.all(keys.map((key) => this.#size(send, key)));
      for (const size of sizes) {
        entries += size > 0 ? 1 : 0;
        bytes += size;
      }
    }
    return { entries, bytes, maxSize: undefined };
  }

  async #size(send: RedisNode, key: string): Promise<number> {
    return Number(await send(['STRLEN', this.#redis.fullKey(recordKey(key))]));
  }

  async lock(key: string, milliseconds: number): Promise<(() => void) | undefined> {
    const free = (): void => undefined;
    if (!this.#redis.available) return free;
    const token = mark();
    const at = `lock:${spread(key)}`;
    const release = (): void => {
      this.#redis.compareAndDelete(at, token).catch(nothing);
    };
    const got = await this.#redis.setIfAbsent(at, token, milliseconds).catch(() => undefined);
    if (got === undefined) return free;
    return got ? release : undefined;
  }

  close(): Promise<void> {
    this.#redis.close();
    return Promise.resolve();
  }

  /** All records' keys, each once per batch. */
  async *#batches(): AsyncGenerator<{ keys: readonly string[]; send: RedisNode }> {
    for await (const { keys, send } of this.#redis.scan(recordStart, operatorLimit))
      for (let start = 0; start < keys.length; start += batch) {
        const some = keys.slice(start, start + batch);
        yield { keys: some.map((key) => unspread(key.slice(recordStart.length))), send };
      }
  }

  #operate(key: string, args: readonly (string | null)[]): ReturnType<Redis['operate']> {
    return this.#redis.operate(key, args, operatorLimit);
  }
}

const recordStart = 'record:';

function recordKey(key: string): string {
  return recordStart + spread(key);
}

function deletionKey(key: string): string {
  return `deleted:${spread(key)}`;
}

function mark(): string {
  return randomBytes(12).toString('base64url');
}

function nothing(): undefined {
  return undefined;
}
