import createDebug from 'debug';
import type { RequestHandler } from 'express';
import { memoryStore, redisStore } from '../cache/index.ts';
import { parseOptions, type Duration } from '../core/options.ts';
import { warn } from '../core/warn.ts';
import { cacheIndex, type CacheIndex } from './cache-index.ts';
import { parseDuration } from './duration.ts';
import type { PerformanceReport } from './hit-rate.ts';
import { Mount, type Home } from './mount.ts';
import {
  apicacheSchema,
  type ApicacheOptions,
  type ApicacheSettings,
  type Toggle,
} from './options.ts';
import { WatchedStore } from './watched-store.ts';

/** What `apicache.middleware(…)` returns. */
export interface ApicacheMiddleware extends RequestHandler {
  /** The options in force here; with options these become the middleware's own. */
  readonly options: (local?: ApicacheOptions) => ApicacheSettings;
}

/** apicache's API. Its functions may be taken off the object: `const cache = apicache.middleware`. */
export interface Apicache {
  /** The first instance of the process is 1. */
  readonly id: number;
  /**
   * The options in force; or adds to them, of middlewares made before, too, member by member of the top level.
   *
   * @throws {OptionsError} at once, and changes nothing
   */
  readonly options: { (): ApicacheSettings; (options: ApicacheOptions): Apicache };
  /**
   * A middleware that keeps answers to GET (and HEAD from them) for a duration.
   *
   * @param duration a number of milliseconds or a string: `'5 minutes'`, `'5m'`, `'1 month'` (30 days)
   * @param toggle which requests and answers are for the cache
   * @param localOptions instead of the instance's
   * @throws {OptionsError} at once, for a duration such as `'5 mintues'` and for bad options
   */
  readonly middleware: (
    duration?: Duration | null,
    toggle?: Toggle | null,
    localOptions?: ApicacheOptions,
  ) => ApicacheMiddleware;
  /**
   * Forgets a group, or else the entries of a key of the index; without a target everything. In Redis that takes a
   * moment, and a warning `SEKISHO_APICACHE` tells when it failed.
   *
   * @returns the index as it is then
   */
  readonly clear: (target?: string | null) => CacheIndex;
  /** What is stored, or the keys of one group. Of Redis: what this process has stored there, 10,000 keys at most. */
  readonly getIndex: { (): CacheIndex; (group: string): readonly string[] | undefined };
  /** Milliseconds of a duration; of none the default. @throws {OptionsError} for what is no duration */
  readonly getDuration: (duration?: Duration | null) => number;
  /** A report for each middleware in the order they were made; undefined for one without `trackPerformance`. */
  readonly getPerformance: () => readonly (PerformanceReport | undefined)[];
  /** The index is what is stored: to empty it, everything is forgotten. */
  readonly resetIndex: () => void;
  /** Another instance with a store of its own. */
  readonly newInstance: (options?: ApicacheOptions) => Apicache;
  /** Another instance with the same options. */
  readonly clone: () => Apicache;
}

/** @param count numbers the instances */
export function createApicache(count: () => number, first: ApicacheOptions = {}): Apicache {
  const id = count();
  const log = createDebug('apicache');
  const mounts: Mount[] = [];
  const stores = new Map<unknown, WatchedStore>();
  let given: ApicacheOptions = {};
  let settings = parse({});

  const home: Home = {
    log,
    settings: (local) => parse({ ...given, ...local }),
    storeOf({ redisClient }) {
      const there = stores.get(redisClient);
      if (there !== undefined) return there;
      const store = new WatchedStore(
        redisClient === false
          ? memoryStore()
          : redisStore({ client: redisClient, prefix: 'sekisho:apicache:' }),
        () => settings.events.expire,
      );
      stores.set(redisClient, store);
      return store;
    },
  };

  const getIndex = (group?: string): CacheIndex | readonly string[] | undefined => {
    const index = cacheIndex([...stores.values()].flatMap((store) => store.lines()));
    if (group === undefined || group === '') return index;
    return Object.hasOwn(index.groups, group) ? index.groups[group] : undefined;
  };

  const change = (options: ApicacheOptions): void => {
    const before = { given, settings };
    settings = parse({ ...given, ...options });
    given = { ...given, ...options };
    try {
      for (const mount of mounts) mount.renew();
    } catch (error) {
      ({ given, settings } = before);
      for (const mount of mounts) mount.renew();
      throw error;
    }
    if (settings.debug) log.enabled = true;
    else if (before.settings.debug) log.enabled = createDebug.enabled('apicache');
    if (settings.jsonp)
      warn('SEKISHO_APICACHE', 'jsonp has no effect: the query is always part of the key');
  };

  /** A process may be there for nothing but to clear what others have stored: it has no middleware. */
  const clearable = (): Iterable<WatchedStore> => {
    if (settings.redisClient !== false) home.storeOf(settings);
    return stores.values();
  };

  const getDuration = (duration?: Duration | null): number =>
    duration === undefined || duration === null
      ? settings.defaultDuration
      : parseDuration(duration);

  const apicache = {
    id,
    options: (options?: ApicacheOptions) => {
      if (options === undefined) return settings;
      change(options);
      return apicache;
    },
    middleware: (
      duration?: Duration | null,
      toggle?: Toggle | null,
      localOptions?: ApicacheOptions,
    ): ApicacheMiddleware => {
      const mount = new Mount(home, getDuration(duration), toggle, localOptions);
      mounts.push(mount);
      return Object.assign(mount.handler(), {
        options: (local?: ApicacheOptions) => {
          if (local !== undefined) mount.configure(local);
          return mount.settings;
        },
      });
    },
    clear: (target?: string | null) => {
      for (const store of clearable())
        if (target === undefined || target === null || target === '') store.forgetAll();
        else store.forget(target);
      return getIndex() as CacheIndex;
    },
    getIndex,
    getDuration,
    getPerformance: () => mounts.map(({ hitRate }) => hitRate?.report()),
    resetIndex: () => {
      for (const store of clearable()) store.forgetAll();
    },
    newInstance: (options?: ApicacheOptions) => createApicache(count, options),
    clone: () => createApicache(count, given),
  } as Apicache;

  change(first);
  return apicache;
}

function parse(options: ApicacheOptions): ApicacheSettings {
  return parseOptions('apicache', apicacheSchema, options);
}
