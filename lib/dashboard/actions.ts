import type { Request } from 'express';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import type { Collector } from './collector.ts';
import { shown } from './shown.ts';

/** What the page needs of a cache: `cache()` gives it. */
export interface ClearableCache {
  clear(target?: string): Promise<number>;
}

/** What was done; the page says it. */
export interface Done {
  /** Answers that a purge has forgotten. */
  readonly count?: number;
}

const longestTarget = 1000;

/** What a person may do from the page: give a server nothing new, put it to work again, forget stored answers. */
export class Actions {
  readonly #collector: Collector;
  readonly #caches: ReadonlyMap<string, ClearableCache>;

  constructor(collector: Collector, caches: Readonly<Record<string, ClearableCache>>) {
    this.#collector = collector;
    this.#caches = new Map(Object.entries(caches));
  }

  /** Names of the caches that may be purged. */
  get caches(): readonly string[] {
    return [...this.#caches.keys()];
  }

  /** @throws {ProxyError} ERR_SEKISHO_BAD_REQUEST when there is no such action, server or cache */
  async run(req: Request): Promise<Done> {
    const parameters = new URLSearchParams(req.url.slice(req.url.indexOf('?') + 1));
    const text = (name: string): string => parameters.get(name) ?? '';
    const action = text('action');
    if (action === 'purge') return this.#purge(req, text('cache'), text('target'));
    if (action === 'drain' || action === 'enable')
      return this.#move(req, action, text('upstream'), text('server'));
    throw unknown('action', action);
  }

  #move(req: Request, action: 'drain' | 'enable', upstream: string, name: string): Done {
    const found = this.#collector.servers
      .pools(upstream)
      .flatMap((pool) =>
        pool.servers.flatMap((server) => (server.name === name ? [{ pool, server }] : [])),
      );
    if (found.length === 0) throw unknown('server', `${upstream} ${name}`);
    for (const { pool, server } of found)
      if (action === 'drain') void pool.drain(server);
      else pool.resume(server);
    this.#note(req, 'server', action, `${upstream} ${name}`);
    return {};
  }

  async #purge(req: Request, name: string, target: string): Promise<Done> {
    const cache = this.#caches.get(name);
    if (cache === undefined) throw unknown('cache', name);
    if (target.length > longestTarget) throw unknown('target', target);
    const count = await cache.clear(target === '' ? undefined : target);
    this.#note(req, 'alert', 'purge', `${name} ${target === '' ? '*' : target}`, String(count));
    return { count };
  }

  #note(
    req: Request,
    group: 'server' | 'alert',
    what: string,
    subject: string,
    detail?: string,
  ): void {
    const user = contextOf(req).user?.name;
    this.#collector.note({
      group,
      level: 'info',
      kind: 'action',
      what,
      subject: shown(subject),
      detail,
      client: req.ip === undefined ? undefined : shown(req.ip),
      user: user === undefined ? undefined : shown(user),
    });
  }
}

function unknown(what: string, value: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail: `no ${what} ${shown(value)}` });
}
