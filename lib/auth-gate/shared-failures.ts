import { Redis, type RedisInit } from '../core/redis.ts';
import type { Backoff } from './failure-counter.ts';

/** Milliseconds of the lock that is left. Redis' own clock counts: those of several machines differ. */
const remainingScript = `
local till = redis.call('HGET', KEYS[1], 'till')
if not till then return 0 end
local time = redis.call('TIME')
return math.max(0, tonumber(till) - time[1] * 1000 - math.floor(time[2] / 1000))`;

const failScript = `
local attempts, window, base, max = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
local lock = 0
if count >= attempts then
  lock = math.floor(math.min(max, base * 2 ^ math.min(count - attempts, 60)))
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'till', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + lock))
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', window + lock))
return lock`;

const forgiveScript = `
local count = tonumber(redis.call('HGET', KEYS[1], 'count') or '0')
if count <= tonumber(ARGV[1]) then redis.call('DEL', KEYS[1])
else redis.call('HINCRBY', KEYS[1], 'count', -tonumber(ARGV[1])) end
return count`;

/** The same counters in a Redis, for several processes. Everything rejects when Redis is gone. */
export class SharedFailures {
  readonly #redis: Redis;

  constructor(store: Omit<RedisInit, 'without'>) {
    this.#redis = new Redis({
      ...store,
      prefix: `${store.prefix}lockout:`,
      without: 'authGate counts failed attempts by itself',
    });
  }

  get available(): boolean {
    return this.#redis.available;
  }

  async remaining(key: string): Promise<number> {
    return Number(await this.#redis.evaluate(remainingScript, key));
  }

  async fail(key: string, { attempts, window, base, max }: Backoff): Promise<number> {
    const numbers = [attempts, window, base, max].map(String);
    return Number(await this.#redis.evaluate(failScript, key, numbers));
  }

  async forgive(key: string, count = 1e15): Promise<number> {
    return Number(await this.#redis.evaluate(forgiveScript, key, [String(count)]));
  }

  async isTrusted(key: string): Promise<boolean> {
    return (await this.#redis.get(key)) !== undefined;
  }

  async trust(key: string, milliseconds: number): Promise<void> {
    await this.#redis.set(key, '1', milliseconds);
  }

  close(): void {
    this.#redis.close();
  }
}
