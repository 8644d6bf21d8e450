import { z } from 'zod';
import { duration, quote, refuse, type Duration } from './options.ts';
import type { RedisClientLike } from './redis-client.ts';

/** How to reach a Redis or Valkey; the same wherever sekisho keeps something in one. */
export interface RedisOptions {
  /**
   * A client of yours: `createClient()`, `createCluster()`, `createClientPool()` or `createSentinel()` of the package
   * redis. It is connected at the first command when it is not yet, and never closed. Give this or `url`.
   * @default none
   */
  readonly client?: RedisClientLike;
  /** `redis://user:password@host:6379/0`, `rediss://…` (TLS) or `unix:///path`, for a client of our own. @default none */
  readonly url?: string;
  /** Start of every key. @default 'sekisho:' */
  readonly prefix?: string;
  /** The longest a request waits for Redis before it goes on without. @default '100ms' */
  readonly timeout?: Duration;
}

/** The fields of `RedisOptions`, for schemas that have more. */
export const redisShape: {
  client: z.ZodOptional<z.ZodType<RedisClientLike, RedisClientLike>>;
  url: z.ZodOptional<z.ZodType<string, string>>;
  prefix: z.ZodDefault<z.ZodType<string, string>>;
  timeout: z.ZodDefault<z.ZodType<number, Duration>>;
} = {
  client: z
    .custom<RedisClientLike>(isClient, {
      error: ({ input }) =>
        `${quote(input)} is no client; use what createClient() of the package redis returns`,
    })
    .optional(),
  url: z.string().superRefine(checkUrl).optional(),
  prefix: z
    .string()
    .min(1, {
      error:
        "'' is empty; use a prefix such as 'sekisho:', which nothing else in this Redis starts with",
    })
    .default('sekisho:'),
  timeout: duration().default(100),
};

/** Either a client or a url; for `superRefine`. */
export function checkRedis(
  { client, url }: { client?: unknown; url?: unknown },
  context: z.RefinementCtx,
): void {
  if ((client === undefined) !== (url === undefined)) return;
  context.addIssue({
    code: 'custom',
    message:
      client === undefined
        ? "neither client nor url is given; use one of them, such as url: 'redis://localhost:6379'"
        : 'both client and url are given; use one of them',
  });
}

function isClient(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const client = value as Partial<RedisClientLike>;
  return (
    typeof client.isOpen === 'boolean' &&
    [client.connect, client.sendCommand, client.on, client.off].every(
      (method) => typeof method === 'function',
    )
  );
}

function checkUrl(url: string, context: z.RefinementCtx): void {
  const { protocol, hostname = '' } = URL.parse(url) ?? {};
  const fits =
    protocol === 'unix:' || ((protocol === 'redis:' || protocol === 'rediss:') && hostname !== '');
  if (fits) return;
  refuse(
    context,
    url,
    "is no URL of a Redis; use one such as 'redis://localhost:6379', 'rediss://…' or 'unix:///path'",
  );
}
