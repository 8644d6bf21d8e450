import type { Request, Response } from 'express';
import { z } from 'zod';
import type { IgnorableWord } from '../core/http/storing.ts';
import {
  count,
  duration,
  func,
  oneOf,
  quote,
  ratio,
  refuse,
  schemaOf,
  size,
  type Duration,
  type Size,
} from '../core/options.ts';
import type { CacheStore } from './store.ts';

export interface HeuristicsOptions {
  /** Share of the time since an answer was last changed for which it is fresh. @default 0.1 */
  readonly share?: number;
  /** The longest such freshness. @default '1 day' */
  readonly most?: Duration;
}

export interface CacheOptions {
  /**
   * Freshness of answers that state none themselves (no s-maxage, max-age, Expires), of the statuses 200, 203, 204, 300,
   * 301, 308, 404 and 410. What the origin says counts before it. @default none: such answers are not reused
   */
  readonly ttl?: Duration;
  /** Where the answers are kept. @default a memoryStore() of its own */
  readonly store?: CacheStore;
  /**
   * Methods that are answered from the cache and stored. With `'POST'` the answer to a POST that states its freshness
   * and names its own URL in Content-Location serves later GETs (RFC 9110 §9.3.3). @default ['GET', 'HEAD']
   */
  readonly methods?: readonly ('GET' | 'HEAD' | 'POST')[];
  /** Only these statuses, or all but these, as apicache has it. @default all that may be stored */
  readonly statusCodes?: {
    readonly include?: readonly number[];
    readonly exclude?: readonly number[];
  };
  /** Freshness by status, for answers that state none: `{ 404: '1 minute', 503: '5s' }`. @default none */
  readonly negativeTtl?: Readonly<Record<number, Duration>>;
  /** Freshness of answers that state none from their Last-Modified (RFC 9111 §4.2.2); counts before `ttl`. @default false */
  readonly heuristics?: boolean | HeuristicsOptions;
  /** Adds to the key what else makes a different answer: a language the app has found out, a tenant. @default nothing */
  readonly appendKey?: (req: Request, res: Response) => string;
  /** Whether a request is for the cache at all (apicache's toggle); others pass. @default all */
  readonly when?: (req: Request, res: Response) => boolean;
  /**
   * What cookies of a request mean. `'private'`: the answer may be one user's own, so it is shared only when the origin
   * states that and for how long. A list: these make a different answer and are part of the key, all others nothing.
   * `'ignore'`: no cookie makes any difference. @default 'private'
   */
  readonly cookies?: 'private' | 'ignore' | readonly string[];
  /**
   * For so long after its lifetime an answer is used while it is fetched anew in the background (RFC 5861 §3), when it
   * does not say so itself. @default 0
   */
  readonly staleWhileRevalidate?: Duration;
  /** For so long after its lifetime an answer is used when the origin fails (RFC 5861 §4), when it does not say so itself. @default 0 */
  readonly staleIfError?: Duration;
  /** Requests for the same answer share one fetch. @default true */
  readonly coalesce?: boolean;
  /** Larger answers pass, and are not stored. @default '5mb' */
  readonly maxEntrySize?: Size;
  /** Whether the request's own Cache-Control and Pragma count (RFC 9111 §5.2.1): a reload reaches the origin. @default true */
  readonly clientDirectives?: boolean;
  /**
   * Words of the origin's that do not count: `'no-store'`, `'private'`, `'no-cache'`, `'freshness'` (its max-age, Expires
   * and s-maxage: `ttl` counts instead), `'must-revalidate'`, `'set-cookie'` (stored without the cookies). They count all
   * the same for requests with credentials or cookies. @default none
   */
  readonly ignore?: readonly IgnorableWord[];
  /** Who may clear a URL by the method PURGE: `(req) => req.ip === '127.0.0.1'`. @default nobody: PURGE passes like any other method */
  readonly purge?: (req: Request) => boolean | Promise<boolean>;
  /** Name in `Cache-Status` (RFC 9211); false adds no such field. @default 'sekisho' */
  readonly cacheStatus?: string | false;
}

const words = [
  'no-store',
  'private',
  'no-cache',
  'freshness',
  'must-revalidate',
  'set-cookie',
] as const;
const status = (): z.ZodType<number> => count(200, 599);
const cookieName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** `{ 404: '1 minute' }`, to milliseconds. */
function statusDurations(): z.ZodType<Record<number, number>, Record<number, Duration>> {
  return z.record(
    z.string().refine((key) => /^[2-5]\d\d$/.test(key), {
      error: ({ input }) => `${quote(input)} is no status; use one from 200 to 599`,
    }),
    duration(),
  );
}

function cookieNames(): z.ZodType<readonly string[]> {
  return z.array(
    z.custom<string>((name) => typeof name === 'string' && cookieName.test(name), {
      error: ({ input }) => `${quote(input)} is no name of a cookie; use one such as 'lang'`,
    }),
  );
}

const storeMethods = ['get', 'epoch', 'set', 'delete', 'clear', 'index', 'stats', 'close'] as const;

function store(): z.ZodType<CacheStore> {
  return z
    .custom<CacheStore>(() => true)
    .transform((value: unknown, context) => {
      const object = (value ?? {}) as Record<string, unknown>;
      const lacks = storeMethods.filter((method) => typeof object[method] !== 'function');
      if (lacks.length === 0) return value as CacheStore;
      return refuse(
        context,
        value,
        `is no store, it has no ${lacks.join(', ')}; use memoryStore(), redisStore() or your own CacheStore`,
      );
    });
}

export const cacheSchema = schemaOf<CacheOptions>()({
  ttl: duration().optional(),
  store: store().optional(),
  methods: z.array(oneOf(['GET', 'HEAD', 'POST'])).default(['GET', 'HEAD']),
  statusCodes: z
    .strictObject({ include: z.array(status()).optional(), exclude: z.array(status()).optional() })
    .optional(),
  negativeTtl: statusDurations().optional(),
  heuristics: z
    .union([
      z.boolean(),
      schemaOf<HeuristicsOptions>()({
        share: ratio(0, 1).default(0.1),
        most: duration().default(86_400_000),
      }),
    ])
    .default(false),
  appendKey: func<(req: Request, res: Response) => string>().optional(),
  when: func<(req: Request, res: Response) => boolean>().optional(),
  cookies: z.union([oneOf(['private', 'ignore']), cookieNames()]).default('private'),
  staleWhileRevalidate: duration().default(0),
  staleIfError: duration().default(0),
  coalesce: z.boolean().default(true),
  maxEntrySize: size().default(5 * 1024 * 1024),
  clientDirectives: z.boolean().default(true),
  ignore: z.array(oneOf(words)).default([]),
  purge: func<(req: Request) => boolean | Promise<boolean>>().optional(),
  cacheStatus: z.union([z.literal(false), z.string().min(1)]).default('sekisho'),
});

export type ParsedCacheOptions = z.output<typeof cacheSchema>;
