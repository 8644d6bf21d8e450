import { LRUCache } from 'lru-cache';
import type { StoringPolicy } from '../core/http/storing.ts';
import { warn } from '../core/warn.ts';
import { Flights } from './flights.ts';
import { GuardedStore } from './guarded-store.ts';
import { groupOfUrl, type KeyPlan } from './key.ts';
import { memoryStore } from './memory-store.ts';
import type { ParsedCacheOptions } from './options.ts';
import type { CacheStore } from './store.ts';

/** How often each thing has happened in this process since the start. */
export interface CacheCounters {
  /** Answered from the cache without asking the origin, `stale` ones included. */
  hits: number;
  /** Of these, those answered with a stale answer. */
  stale: number;
  /** The origin was asked because nothing usable was stored. */
  misses: number;
  /** The origin was asked whether a stored answer is still good, and it was. */
  revalidated: number;
  /** Shared the fetch of another request. */
  collapsed: number;
  /** Requests that were none of the cache's business. */
  bypassed: number;
  /** Answers that were stored. */
  stored: number;
}

/** How many URLs are remembered whose answers could not be stored, and for how long (milliseconds). */
const rememberedPasses = 10_000;
const passMemory = 60_000;

/** What all requests of one `cache()` share. */
export class CacheEngine implements KeyPlan {
  readonly options: ParsedCacheOptions;
  readonly store: CacheStore;
  /** The same for requests: it never fails. */
  readonly records: GuardedStore;
  readonly policy: StoringPolicy;
  readonly appendKey: KeyPlan['appendKey'];
  readonly keyCookies: readonly string[];
  /** The fetches under way, by the key they fill. */
  readonly flights: Flights = new Flights();
  /** Keys of what is stale and fetched anew behind the clients' backs. */
  readonly refreshing: Set<string> = new Set();
  readonly counters: CacheCounters = {
    hits: 0,
    stale: 0,
    misses: 0,
    revalidated: 0,
    collapsed: 0,
    bypassed: 0,
    stored: 0,
  };
  /** Bytes of answers that are being recorded. */
  recording = 0;
  /** "Hit for miss" (Varnish): answers of these keys could not be stored, so nobody need wait for the next one. */
  readonly #passes: LRUCache<string, number> = new LRUCache({ max: rememberedPasses });

  constructor(options: ParsedCacheOptions) {
    this.options = options;
    this.store = options.store ?? memoryStore();
    this.records = new GuardedStore(this.store);
    this.appendKey = options.appendKey;
    this.keyCookies = typeof options.cookies === 'string' ? [] : options.cookies;
    this.policy = policyOf(options);
  }

  /** One URL may stand at several keys. */
  get severalKeys(): boolean {
    return this.appendKey !== undefined || this.keyCookies.length > 0;
  }

  /** @param expected until when that is remembered already */
  notePass(key: string, now: number, expected: number | undefined): void {
    // Once in a while will do.
    if ((expected ?? 0) < now + passMemory / 2) this.#passes.set(key, now + passMemory);
  }

  forgetPass(key: string): void {
    this.#passes.delete(key);
  }

  /** Monotonic milliseconds until when answers of this key need not be waited for. */
  passesUntil(key: string): number | undefined {
    return this.#passes.get(key);
  }

  /**
   * Forgets all answers of a URL, as an operator wants it.
   *
   * @returns how many are gone; rejects when the store can't be reached
   */
  async purge(url: string): Promise<number> {
    this.#leave(url);
    const gone = await this.store.clear({ key: url });
    return gone + (await this.#clearFurther(url));
  }

  /**
   * The same because of what a request has changed, which is answered all the same when the store fails.
   *
   * @returns whether all are forgotten, as far as the store says
   */
  async invalidateQuietly(urls: readonly string[]): Promise<boolean> {
    try {
      await Promise.all(urls.map(async (url) => this.#invalidate(url)));
      return true;
    } catch (cause) {
      warn('SEKISHO_CACHE_STORE', 'the store of a cache() failed to forget a URL', cause);
      return false;
    }
  }

  async #invalidate(url: string): Promise<void> {
    this.#leave(url);
    await this.store.delete(url);
    await this.#clearFurther(url);
  }

  /** What was asked before is given to those who have asked before, too, and to nobody else. */
  #leave(url: string): void {
    this.flights.forget((flight) => flight.leader.url === url);
  }

  /** Its other keys. */
  async #clearFurther(url: string): Promise<number> {
    return this.severalKeys ? this.store.clear({ group: groupOfUrl(url) }) : 0;
  }
}

function policyOf(options: ParsedCacheOptions): StoringPolicy {
  const { ttl, negativeTtl, heuristics, statusCodes, methods } = options;
  const { include, exclude } = statusCodes ?? {};
  return {
    methods,
    ignore: options.ignore,
    staleWhileRevalidate: options.staleWhileRevalidate,
    staleIfError: options.staleIfError,
    heuristics: heuristics === true ? { share: 0.1, most: 86_400_000 } : heuristics,
    ...(ttl === undefined ? {} : { ttl }),
    ...(negativeTtl === undefined ? {} : { negativeTtl }),
    statuses: {
      ...(include === undefined ? {} : { include }),
      ...(exclude === undefined ? {} : { exclude }),
    },
  };
}
