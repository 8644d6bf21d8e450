import { wholeTtl, type Redis } from '../core/redis.ts';

/**
 * A group is a sorted set of keys. A member's score is the time at which its record expires, in microseconds of
 * Redis' own clock: the processes' clocks need not agree, and no two entries of one key have the same score.
 */
const add = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local score = now + ARGV[2] * 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - 1000000))
redis.call('ZADD', KEYS[1], string.format('%.0f', score), ARGV[1])
if redis.call('PTTL', KEYS[1]) < ARGV[2] + 1000 then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + 1000))
end
return 1`;

/** Only members that have not been added anew meanwhile. */
const removeSeen = `
for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
return 1`;

/** Members that are looked at in one go. */
const batch = 100;

/** The groups of a `redisStore`: which keys each has, forgotten by Redis when the last of them has expired. */
export class RedisGroups {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** @param ttl milliseconds */
  async add(group: string, key: string, ttl: number, limit: number): Promise<void> {
    await this.#redis.evaluate(add, groupKey(group), [key, wholeTtl(ttl)], limit);
  }

  /** Calls back with batches of a group's keys and takes them from the group afterwards. */
  async empty(
    group: string,
    limit: number,
    each: (keys: readonly string[]) => Promise<void>,
  ): Promise<void> {
    let cursor = '0';
    do {
      const scan = ['ZSCAN', null, cursor, 'COUNT', String(batch)];
      const [next, found] = (await this.#redis.operate(groupKey(group), scan, limit)) as [
        Buffer,
        readonly Buffer[],
      ];
      cursor = String(next);
      // A small set comes in one piece, whatever COUNT says.
      for (let start = 0; start < found.length; start += 2 * batch) {
        const seen = found.slice(start, start + 2 * batch);
        await each(seen.filter((_, index) => index % 2 === 0).map(String));
        const remove = ['EVAL', removeSeen, '1', null, ...seen];
        await this.#redis.operate(groupKey(group), remove, limit);
      }
    } while (cursor !== '0');
  }
}

function groupKey(group: string): string {
  return `group:${spread(group)}`;
}

/**
 * Braces in a URL or a group would choose the cluster's slot for it, so that anybody could send all keys to one server.
 * `{}` in front makes Redis hash the whole key again.
 */
export function spread(name: string): string {
  return name.includes('{') ? `{}${name}` : name;
}

export function unspread(name: string): string {
  return name.startsWith('{}') ? name.slice(2) : name;
}
