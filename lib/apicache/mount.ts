import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type createDebug from 'debug';
import { cache, type Cache } from '../cache/index.ts';
import { changeHead } from '../core/exchange/head-change.ts';
import { OptionsError } from '../core/errors.ts';
import { wrap } from '../core/local-exchange.ts';
import { middleware } from '../core/middleware.ts';
import { quote } from '../core/options.ts';
import { engineOptions } from './engine-options.ts';
import { Exchange, type Plan } from './exchange.ts';
import { HitRate } from './hit-rate.ts';
import type { ApicacheSettings, Toggle } from './options.ts';
import type { WatchedStore } from './watched-store.ts';

/** What a middleware has from the instance that made it. */
export interface Home {
  settings(local: object): ApicacheSettings;
  storeOf(settings: ApicacheSettings): WatchedStore;
  readonly log: createDebug.Debugger;
}

/** One `apicache.middleware(…)`. */
export class Mount {
  readonly hitRate: HitRate | undefined;
  readonly #home: Home;
  readonly #duration: number;
  readonly #toggle: Toggle | undefined;
  #local: object = {};
  #plan: Plan;
  #engine: Cache;

  constructor(home: Home, duration: number, toggle: unknown, local: object | undefined) {
    if (toggle !== undefined && toggle !== null && typeof toggle !== 'function')
      throw new OptionsError('apicache', [
        `toggle: ${quote(toggle)} is not a function; use one such as (req, res) => res.statusCode === 200`,
      ]);
    this.#home = home;
    this.#duration = duration;
    this.#toggle = (toggle ?? undefined) as Toggle | undefined;
    this.#local = { ...local };
    [this.#plan, this.#engine] = this.#build();
    if (this.settings.trackPerformance) this.hitRate = new HitRate();
  }

  get settings(): ApicacheSettings {
    return this.#plan.settings;
  }

  /** @throws {OptionsError} and leaves all as it was */
  configure(local: object): void {
    const before = this.#local;
    this.#local = { ...local };
    try {
      this.renew();
    } catch (error) {
      this.#local = before;
      throw error;
    }
  }

  /** The options of the instance have changed. */
  renew(): void {
    [this.#plan, this.#engine] = this.#build();
  }

  handler(): RequestHandler {
    return middleware(
      'wrapper',
      (() => {
        const handle = this.#handle.bind(this);
        return function apicache(req, res, next): void {
          handle(req, res, next);
        } satisfies RequestHandler;
      })(),
    );
  }

  #build(): [Plan, Cache] {
    const settings = this.#home.settings(this.#local);
    const plan: Plan = {
      settings,
      duration: this.#duration,
      toggle: this.#toggle,
      blacklist: new Set(settings.headerBlacklist.map((name) => name.toLowerCase())),
    };
    const store = this.#home.storeOf(settings);
    const toggle = this.#toggle;
    const when = (req: Request, res: Response): boolean =>
      !bypasses(req) && (toggle === undefined || (toggle(req, res) as boolean));
    return [plan, cache(engineOptions(settings, this.#duration, store, when))];
  }

  #handle(req: Request, res: Response, next: NextFunction): void {
    const engine = this.#engine;
    const { method } = req;
    if (!this.settings.enabled) {
      next();
      return;
    }
    if (bypasses(req) || (method !== 'GET' && method !== 'HEAD')) {
      // What it changes is not in the cache any more.
      engine(req, res, next);
      return;
    }
    const exchange = new Exchange(this.#plan, req, res);
    wrap(
      req,
      res,
      changeHead((status, fields) => {
        this.#note(req, exchange);
        return exchange.outside(status, fields);
      }),
    );
    engine(req, res, (error?: unknown) => {
      if (error === undefined)
        wrap(
          req,
          res,
          changeHead((status, fields) => exchange.inside(status, fields)),
        );
      next(error);
    });
  }

  #note(req: Request, exchange: Exchange): void {
    const { originalUrl } = req;
    const { log } = this.#home;
    if (log.enabled) log('%s %s: %s', req.method, originalUrl, exchange.outcome);
    if (this.hitRate !== undefined && !exchange.outcome.includes('; fwd=bypass'))
      this.hitRate.count(originalUrl, exchange.hit);
  }
}

function bypasses({ headers }: Request): boolean {
  return Boolean(headers['x-apicache-bypass']) || Boolean(headers['x-apicache-force-fetch']);
}
