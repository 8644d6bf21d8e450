import type { NextFunction, Request, Response } from 'express';
import { clock } from '../core/clock.ts';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { failWith } from '../core/fail-with.ts';
import type { Upstream } from '../core/upstream/upstream.ts';
import { warn } from '../core/warn.ts';
import { Actions, type ClearableCache } from './actions.ts';
import { readAssets, sendAsset, type Asset } from './assets.ts';
import { Chain, type ChainReader } from './chain.ts';
import { Collector } from './collector.ts';
import { contentSecurityPolicy, readDocument } from './document.ts';
import { Forgery } from './forgery.ts';
import { Stream } from './stream.ts';
import type { Language } from './strings.ts';

export interface SiteOptions {
  readonly public: boolean;
  readonly actions: boolean;
  readonly title: string;
  readonly history: number;
  readonly locale?: Language | undefined;
  readonly upstreams?: readonly Upstream[] | undefined;
  readonly caches: Readonly<Record<string, ClearableCache>>;
  readonly audit?: ChainReader | false | undefined;
}

const languages: readonly Language[] = ['en', 'ja'];

/** What there is below the mount path: the page, its assets, its stream of events and its actions. */
export class Site {
  readonly #options: SiteOptions;
  readonly #collector: Collector;
  readonly #stream: Stream;
  readonly #chain: Chain | undefined;
  readonly #actions: Actions;
  readonly #forgery: Forgery = new Forgery();
  readonly #assets: ReadonlyMap<string, Asset> = readAssets();
  readonly #document: (language: Language, title: string) => string = readDocument();
  readonly #begun: number = clock.now();

  constructor(options: SiteOptions) {
    this.#options = options;
    this.#collector = new Collector(options.history, options.upstreams);
    this.#actions = new Actions(this.#collector, options.caches);
    this.#chain = options.audit === false ? undefined : new Chain(options.audit);
    this.#stream = new Stream(this.#collector, (req) => this.#welcome(req));
  }

  answer(req: Request, res: Response, next: NextFunction): void {
    const respond = this.#responder(req);
    const context = contextOf(req);
    if (respond === undefined || context.upgrade !== undefined) {
      next();
      return;
    }
    this.#collector.ignore(context.transaction);
    if (!this.#options.public && !context.admitted) {
      warn(
        'SEKISHO_DASHBOARD_UNGUARDED',
        'dashboard() has no gate before it and refuses everybody: mount authGate() before it, or say public: true where a login of the app guards it',
      );
      const detail = 'dashboard() without a gate';
      failWith(new ProxyError('ERR_SEKISHO_UNGUARDED', { detail }), req, next);
      return;
    }
    setSecurityFields(res);
    respond(res, next);
  }

  close(): void {
    this.#collector.close();
    this.#stream.close();
  }

  /** Who answers a request; nobody for what is not the page's. */
  #responder(req: Request): ((res: Response, next: NextFunction) => void) | undefined {
    const [path = ''] = req.url.split('?', 1);
    if (req.method === 'POST')
      return this.#options.actions && path === '/actions'
        ? (res, next) => void this.#act(req, res, next)
        : undefined;
    if (req.method !== 'GET' && req.method !== 'HEAD') return undefined;
    if (path === '/') return (res) => this.#sendDocument(req, res);
    if (path === '/events') return (res) => this.#openStream(req, res);
    const asset = this.#assets.get(path);
    return asset && ((res) => sendAsset(asset, req, res));
  }

  #sendDocument(req: Request, res: Response): void {
    const [path = ''] = req.originalUrl.split('?', 1);
    res.setHeader('Cache-Control', 'no-store');
    if (!path.endsWith('/')) {
      // The page's own links are relative, and so is this: wherever a proxy in front has put us.
      const name = path.slice(path.lastIndexOf('/') + 1);
      res.writeHead(308, { Location: `./${name}/`, 'Content-Length': 0 }).end();
      return;
    }
    const asked = req.acceptsLanguages([...languages]);
    const language = this.#options.locale ?? languages.find((one) => one === asked) ?? 'en';
    const body = Buffer.from(this.#document(language, this.#options.title));
    res.vary('Accept-Language');
    res.setHeader('Content-Language', language);
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    res.setHeader('Content-Length', body.length);
    res.end(body);
  }

  #openStream(req: Request, res: Response): void {
    if (req.method === 'HEAD') res.writeHead(200, { 'Content-Type': 'text/event-stream' }).end();
    else if (!this.#stream.open(req, res))
      res.writeHead(503, { 'Retry-After': 10, 'Content-Length': 0 }).end();
  }

  async #act(req: Request, res: Response, next: NextFunction): Promise<void> {
    const suspicion = this.#forgery.suspicion(req);
    if (suspicion !== undefined) {
      failWith(new ProxyError('ERR_SEKISHO_FORGED_ACTION', { detail: suspicion }), req, next);
      return;
    }
    try {
      const done = await this.#actions.run(req);
      res.setHeader('Cache-Control', 'no-store');
      res.json(done);
    } catch (error) {
      failWith(error, req, next);
    }
  }

  #welcome(req: Request): object {
    const { actions } = this.#options;
    return {
      begun: this.#begun,
      pid: process.pid,
      history: this.#options.history,
      ...(actions ? { token: this.#forgery.token(req), caches: this.#actions.caches } : {}),
      ...(this.#chain === undefined ? {} : { chain: this.#chain.view(req.app) }),
    };
  }
}

function setSecurityFields(res: Response): void {
  res.setHeader('Content-Security-Policy', contentSecurityPolicy);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('X-Frame-Options', 'DENY');
  res.setHeader('Referrer-Policy', 'no-referrer');
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  res.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
}
