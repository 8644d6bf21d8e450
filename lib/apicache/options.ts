import type { Request, Response } from 'express';
import { z } from 'zod';
import type { CacheOptions, RedisStoreOptions } from '../cache/index.ts';
import { count, func, quote, schemaOf, type Duration } from '../core/options.ts';
import { apicacheDuration } from './duration.ts';

type RedisClient = NonNullable<RedisStoreOptions['client']>;

/** Asked before the cache is looked at, and again when there is an answer, with its `res.statusCode`. */
export type Toggle = (req: Request, res: Response) => unknown;

/** apicache's options, with its names and defaults. */
export interface ApicacheOptions {
  /** Prints what happens to each request, as `DEBUG=apicache` does. @default false */
  readonly debug?: boolean;
  /** The duration of middlewares that name none. @default '1 hour' */
  readonly defaultDuration?: Duration;
  /** False lets all requests pass. @default true */
  readonly enabled?: boolean;
  /** Adds to the key: a function, or the way to a member of the request, `['user', 'id']`. @default [] */
  readonly appendKey?: readonly string[] | ((req: Request, res: Response) => unknown);
  /**
   * Has no effect, and a warning says so: the original leaves the query out of the key with it, and gives one caller's
   * callback, and the answer to one search, to all.
   * @default false
   */
  readonly jsonp?: boolean;
  /** Keeps the answers in Redis: a client of the package redis, from version 5 on. @default false */
  readonly redisClient?: RedisClient | false;
  /** Fields of the answer that are not stored: who causes the answer gets them, nobody after. @default [] */
  readonly headerBlacklist?: readonly string[];
  /** Only these statuses, or all but these. Empty lists mean nothing. @default { include: [], exclude: [] } */
  readonly statusCodes?: {
    readonly include?: readonly number[];
    readonly exclude?: readonly number[];
  };
  /** `expire` hears of keys whose time is over, within a second: `(undefined, key)`. @default none */
  readonly events?: { readonly expire?: ((value: undefined, key: string) => void) | undefined };
  /** Fields of answers that don't have them; `'cache-control'` takes the place of the automatic one. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
  /** Counts hits for `getPerformance()`: 100 kB per middleware. Read when the middleware is made. @default false */
  readonly trackPerformance?: boolean;
  /** Whether `Cache-Control` of requests counts: a reload reaches the handler. @default false */
  readonly respectCacheControl?: boolean;
  /**
   * What cookies of a request mean, as in `cache()`; not in the original, which is as if it said `'ignore'`. With
   * `'private'` requests with cookies are neither answered from the cache nor stored, unless the handler states that.
   * @default 'private'
   */
  readonly cookies?: NonNullable<CacheOptions['cookies']>;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const fieldText = /^[\t\x20-\x7e\x80-\xff]*$/;
const fieldName = (): z.ZodType<string, string> =>
  z.custom<string>((name) => typeof name === 'string' && token.test(name), {
    error: ({ input }) => `${quote(input)} is no name of a field; use one such as 'x-request-id'`,
  });
const fieldValue = (): z.ZodType<string, string> =>
  z.custom<string>((value) => typeof value === 'string' && fieldText.test(value), {
    error: ({ input }) => `${quote(input)} is no value of a field; use a string such as 'no-cache'`,
  });
const statuses = (): z.ZodDefault<z.ZodArray<z.ZodType<number>>> =>
  z.array(count(200, 599)).default([]);

/** Whether it is one shows where it is used: `redisStore` refuses what is none. */
const redisClient = (): z.ZodType<RedisClient | false, RedisClient | false> =>
  z.custom<RedisClient | false>(
    (value) =>
      value === false ||
      (typeof value === 'object' &&
        value !== null &&
        typeof (value as { isOpen?: unknown }).isOpen === 'boolean' &&
        typeof (value as { sendCommand?: unknown }).sendCommand === 'function'),
    {
      error: ({ input }) =>
        `${quote(input)} is no client; use what createClient() of the package redis (from 5 on) returns`,
    },
  );

export const apicacheSchema = schemaOf<ApicacheOptions>()({
  debug: z.boolean().default(false),
  defaultDuration: apicacheDuration().default(3_600_000),
  enabled: z.boolean().default(true),
  appendKey: z
    .union([z.array(z.string().min(1)), func<(req: Request, res: Response) => unknown>()])
    .default([]),
  jsonp: z.boolean().default(false),
  redisClient: redisClient().default(false),
  headerBlacklist: z.array(fieldName()).default([]),
  statusCodes: z
    .strictObject({ include: statuses(), exclude: statuses() })
    .default({ include: [], exclude: [] }),
  events: z
    .strictObject({ expire: func<(value: undefined, key: string) => void>().optional() })
    .default({ expire: undefined }),
  headers: z.record(fieldName(), fieldValue()).default({}),
  trackPerformance: z.boolean().default(false),
  respectCacheControl: z.boolean().default(false),
  cookies: z
    .custom<NonNullable<CacheOptions['cookies']>>(
      (value) =>
        value === 'private' ||
        value === 'ignore' ||
        (Array.isArray(value) &&
          value.every((name) => typeof name === 'string' && token.test(name))),
      {
        error: ({ input }) =>
          `${quote(input)} is not allowed; use 'private', 'ignore' or a list of names such as ['lang']`,
      },
    )
    .default('private'),
});

/** The options in force, with all defaults; durations in milliseconds. */
export type ApicacheSettings = Readonly<z.output<typeof apicacheSchema>>;
