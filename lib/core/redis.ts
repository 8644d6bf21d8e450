import type { RedisArgument, RedisNode, RedisReply } from './redis-client.ts';
import { RedisLink, type RedisLinkInit } from './redis-link.ts';

export type { RedisArgument, RedisClientLike, RedisNode, RedisReply } from './redis-client.ts';
export { RedisUnavailable } from './redis-link.ts';
export { checkRedis, redisShape, type RedisOptions } from './redis-options.ts';

export interface RedisInit extends RedisLinkInit {
  /** Start of every key. */
  readonly prefix: string;
}

/** Ten years, in milliseconds. */
const longestTtl = 10 * 365 * 24 * 60 * 60_000;

/** Counts, and forgets after a time that begins with the first count. */
const incrementScript =
  "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n";
const compareAndDeleteScript =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/**
 * Plain commands to a Redis or Valkey that requests must not depend on: each has a time limit, and fails at once while
 * nothing is answered. Each has one key, so a cluster will do, too. Values are binary.
 */
export class Redis {
  readonly #link: RedisLink;
  readonly #prefix: string;
  readonly #timeout: number;

  constructor(init: RedisInit) {
    this.#link = new RedisLink(init);
    this.#prefix = init.prefix;
    this.#timeout = init.timeout;
  }

  /** False while commands would fail at once: to save the promise. */
  get available(): boolean {
    return this.#link.available;
  }

  /**
   * Any command on one key. The key is without the prefix; in `args` its place is taken by `null`.
   *
   * @example redis.run('visits', ['INCR', null]);
   * @throws {RedisUnavailable} (rejects) not connected, too slow, closed; or the error reply of Redis
   */
  run(
    key: string,
    args: readonly (RedisArgument | null)[],
    limit: number = this.#timeout,
  ): Promise<RedisReply> {
    const full = this.#prefix + key;
    const words = args.map((arg) => arg ?? full);
    return this.#link.send(limit, words, (binding) => binding.send(full, words));
  }

  async get(key: string): Promise<Buffer | undefined> {
    const reply = await this.run(key, ['GET', null]);
    return Buffer.isBuffer(reply) ? reply : undefined;
  }

  /** @param ttl milliseconds, at least one @param limit for large values, milliseconds */
  async set(key: string, value: RedisArgument, ttl: number, limit?: number): Promise<void> {
    await this.run(key, ['SET', null, value, 'PX', wholeTtl(ttl)], limit);
  }

  /** @returns whether there was none before, and this one is there now */
  async setIfAbsent(key: string, value: RedisArgument, ttl: number): Promise<boolean> {
    return (await this.run(key, ['SET', null, value, 'PX', wholeTtl(ttl), 'NX'])) !== null;
  }

  /** @returns whether there was one */
  async delete(key: string): Promise<boolean> {
    return (await this.run(key, ['UNLINK', null])) === 1;
  }

  /** Deletes it when it has this value still. @returns whether it had */
  async compareAndDelete(key: string, value: RedisArgument): Promise<boolean> {
    return (await this.evaluate(compareAndDeleteScript, key, [value])) === 1;
  }

  /** Adds one to a count that is forgotten `ttl` milliseconds after its first. @returns the count */
  async increment(key: string, ttl: number): Promise<number> {
    return Number(await this.evaluate(incrementScript, key, [wholeTtl(ttl)]));
  }

  /** Runs a Lua script with this key as `KEYS[1]`. */
  evaluate(
    script: string,
    key: string,
    args: readonly RedisArgument[] = [],
    limit?: number,
  ): Promise<RedisReply> {
    return this.run(key, ['EVAL', script, '1', null, ...args], limit);
  }

  /**
   * Goes through all keys that start with this, in batches, each with the server that has them; a key may come twice.
   * For operators' work: it tries even while Redis seems gone, and says so by rejecting.
   *
   * @yields the keys without the prefix, and how to send commands to their server
   */
  async *scan(
    start: string,
    limit: number,
    count = 500,
  ): AsyncGenerator<{ keys: string[]; send: RedisNode }> {
    const prefix = this.#prefix;
    const pattern = `${globEscape(prefix + start)}*`;
    for (const node of await this.#link.insist(limit, [], (binding) => binding.nodes())) {
      const send: RedisNode = (args) => this.#link.insist(limit, args, () => node(args));
      let cursor = '0';
      do {
        const reply = await send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(count)]);
        const [next, found] = reply as [Buffer, readonly Buffer[]];
        cursor = String(next);
        if (found.length > 0)
          yield { keys: found.map((key) => String(key).slice(prefix.length)), send };
      } while (cursor !== '0');
    }
  }

  /** The key as Redis has it, for commands to a server from `scan`. */
  fullKey(key: string): string {
    return this.#prefix + key;
  }

  /** As `run`, for operators' work: tries even while Redis seems gone. */
  operate(
    key: string,
    args: readonly (RedisArgument | null)[],
    limit: number,
  ): Promise<RedisReply> {
    const full = this.#prefix + key;
    const words = args.map((arg) => arg ?? full);
    return this.#link.insist(limit, words, (binding) => binding.send(full, words));
  }

  /** Ends a client of our own; the caller's stays as it is. */
  close(): void {
    this.#link.close();
  }
}

/** PX takes whole milliseconds from 1 on, up to a time that is for ever. */
export function wholeTtl(milliseconds: number): string {
  return String(Math.min(longestTtl, Math.max(1, Math.ceil(milliseconds))));
}

function globEscape(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&');
}
