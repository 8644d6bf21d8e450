import type { Request, RequestHandler, Response } from 'express';
import { contextOf } from '../core/context.ts';
import { middleware } from '../core/middleware.ts';
import { parseOptions, type Duration } from '../core/options.ts';
import { CacheEngine, type CacheCounters } from './engine.ts';
import { cacheSchema, type CacheOptions } from './options.ts';
import { answerPurge } from './purge.ts';
import type { CacheStore, ClearTarget, IndexEntry, StoreStats } from './store.ts';
import { ProxiedClients } from './proxied-clients.ts';
import { Visit } from './visit.ts';

export type { CacheCounters } from './engine.ts';
export type { Body } from './body.ts';
export type { CacheRecord, Entry, VaryRecord } from './entry.ts';
export type { CacheOptions, HeuristicsOptions } from './options.ts';
export type { CacheStore, ClearTarget, Epoch, IndexEntry, StoreStats } from './store.ts';
export { memoryStore, type MemoryStore, type MemoryStoreOptions } from './memory-store.ts';
export { redisStore, type RedisStoreOptions } from './redis-store.ts';

/** How a cache does: what its store holds, and what has happened in this process. */
export interface CacheStats extends StoreStats, CacheCounters {}

export interface Cache extends RequestHandler {
  readonly store: CacheStore;
  /**
   * Forgets stored answers: of a group (`req.apicacheGroup`, the answer's `Cache-Tag` or `Surrogate-Key`), of a path or
   * URL and all below it (`'/blog'`), or by `{ key, group, prefix }`; without a target all of them. Whoever shares the
   * store sees it at once.
   *
   * @returns how many are gone; rejects when the store can't be reached
   */
  clear(target?: string | ClearTarget): Promise<number>;
  /** What is stored, at most `limit` (10,000) lines. */
  index(limit?: number): Promise<readonly IndexEntry[]>;
  stats(): Promise<CacheStats>;
  /** Ends a store that this cache has made by itself; one you gave stays open. */
  close(): Promise<void>;
}

/**
 * Wrapper: a shared HTTP cache (RFC 9111) in front of whatever answers further down the chain, a forwarder or handlers
 * of the app. It does what the origin says. With a duration answers that say nothing of their freshness are fresh for so
 * long. An answer that may be for one user (`private`, `Set-Cookie`, requests with `Authorization` or cookies, as far as
 * the origin does not say otherwise) is never given to another one.
 *
 * Mount it behind gates and compression, and before the forwarder or the routes.
 *
 * @param options a duration such as `'10 minutes'`, or options
 * @param when which requests are for the cache, as apicache's toggle; the same as the option
 * @example app.use('/blog', cache('10 minutes'), balancedProxy('http://cms:8080'));
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function cache(
  options: Duration | CacheOptions = {},
  when?: (req: Request, res: Response) => boolean,
): Cache {
  const given = typeof options === 'object' ? options : { ttl: options };
  const parsed = parseOptions(
    'cache',
    cacheSchema,
    when === undefined ? given : { ...given, when },
  );
  const engine = new CacheEngine(parsed);
  const { store } = engine;
  const proxiedClients = new ProxiedClients(parsed.store === undefined);

  const handler = middleware(
    'wrapper',
    function cache(req, res, next) {
      if (contextOf(req).upgrade !== undefined || req.method === 'CONNECT') next();
      else if (req.method === 'PURGE' && parsed.purge !== undefined)
        void answerPurge(engine, req, res, next);
      else if (proxiedClients.include(req)) new Visit(engine, req, res, next).start();
      // The proxy behind has the word: it refuses whom it does not serve.
      else next();
    } satisfies RequestHandler,
    parsed,
  );

  return Object.assign(handler, {
    store,
    clear: async (target?: string | ClearTarget) => {
      engine.flights.forget(() => true);
      return store.clear(targetOf(target));
    },
    index: async (limit = 10_000) => store.index(limit),
    stats: async () => ({ ...engine.counters, ...(await store.stats()) }),
    close: async () => {
      if (parsed.store === undefined) await store.close();
    },
  });
}

/** A path or URL clears what is below it, any other text is a group. */
function targetOf(target: string | ClearTarget | undefined): ClearTarget | undefined {
  if (typeof target !== 'string') return target;
  return /^\/|^https?:\/\//i.test(target) ? { prefix: target } : { group: target };
}
