/** What the tests of cache() share: one origin, answered by a server behind balancedProxy or by a handler of the app. */
import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache, type Cache, type CacheOptions } from '../../lib/cache/index.ts';
import { useClock } from '../../lib/core/clock.ts';
import { listen } from '../support/servers.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: NodeJS.Dict<string>;
  /** The body ended as it should. */
  readonly complete: boolean;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

export interface Site {
  readonly port: number;
  readonly cache: Cache;
  /** Method and URL of what has reached the origin. */
  readonly asked: string[];
  readonly ask: (path: string, ask?: Ask) => Promise<Answer>;
}

export interface SiteOptions {
  readonly cache?: CacheOptions;
  /** In front of the cache. */
  readonly before?: readonly RequestHandler[];
  /** Between the cache and the origin. */
  readonly behind?: readonly RequestHandler[];
}

export type Origin = (req: Request, res: Response) => void;
export type MakeSite = (t: TestContext, origin: Origin, options?: SiteOptions) => Promise<Site>;

/** The two things a cache may stand in front of, and the two places where it may be mounted. */
export const sites: Readonly<Record<string, MakeSite>> = {
  'balancedProxy at the root': async (t, origin, options) =>
    site(t, options, '/', await forwarder(t, origin)),
  'a handler under a prefix': async (t, origin, options) =>
    site(t, options, '/shop', (asked) => handler(origin, asked)),
};

type Makes = (asked: string[]) => RequestHandler;

async function forwarder(t: TestContext, origin: Origin): Promise<Makes> {
  let notes: string[] = [];
  const { url } = await appOf(t, [(req, res) => handler(origin, notes)(req, res, () => undefined)]);
  return (asked) => {
    notes = asked;
    return balancedProxy(url, { retries: { attempts: 1 } });
  };
}

function handler(origin: Origin, asked: string[]): RequestHandler {
  return (req, res) => {
    asked.push(`${req.method} ${req.url}`);
    origin(req, res);
  };
}

export async function appOf(
  t: TestContext,
  handlers: readonly RequestHandler[],
): Promise<{ url: string; port: number }> {
  const app = express();
  app.set('env', 'test');
  app.set('trust proxy', true);
  app.set('etag', false);
  app.disable('x-powered-by');
  for (const each of handlers) app.use(each);
  app.use(showErrors);
  return listen(t, app as never);
}

async function site(
  t: TestContext,
  { cache: options = {}, before = [], behind = [] }: SiteOptions = {},
  prefix: string,
  makes: Makes,
): Promise<Site> {
  const asked: string[] = [];
  const own = cache(options);
  const app = express();
  app.set('env', 'test');
  app.set('trust proxy', true);
  app.set('etag', false);
  app.disable('x-powered-by');
  for (const each of [...before, own, ...behind, makes(asked)]) app.use(prefix, each);
  app.use(showErrors);
  const { port } = await listen(t, app as never);
  const under = prefix === '/' ? '' : prefix;
  return {
    port,
    cache: own,
    asked,
    ask: (path, ask) => send(port, under + path, ask),
  };
}

/** Shows code and status of an error. */
export function showErrors(
  error: { code?: string; status?: number; headers?: Record<string, string>; message: string },
  _req: Request,
  res: Response,
  next: NextFunction,
): void {
  if (res.headersSent) {
    next(error);
    return;
  }
  res.status(error.status ?? 500).set(error.headers ?? {});
  res.send(`error ${error.code ?? error.message}`);
}

export async function send(port: number, path: string, ask: Ask = {}): Promise<Answer> {
  const { answer, chunks } = await begin(port, path, ask);
  const complete = await new Promise<boolean>((resolve) => {
    answer.once('end', () => {
      resolve(answer.complete);
    });
    answer.once('error', () => {
      resolve(false);
    });
    answer.once('close', () => {
      resolve(answer.complete);
    });
  });
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body: Buffer.concat(chunks).toString('latin1'),
    trailers: answer.trailers,
    complete,
  };
}

/** Resolves with the head; the chunks come in as they do. */
export async function begin(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Ask = {},
): Promise<{ answer: IncomingMessage; chunks: Buffer[] }> {
  const sent = request({
    host: '127.0.0.1',
    port,
    path,
    method,
    agent: false,
    headers: headers as Record<string, string>,
  });
  sent.on('error', () => undefined);
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  answer.on('error', () => undefined);
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { answer, chunks };
}

/** Holds the wall clock still until it is moved. */
export function stillClock(t: TestContext): {
  forward: (seconds: number) => void;
  date: () => string;
} {
  // A whole second: the dates that fields have lose nothing.
  let now = Math.floor(Date.now() / 1000) * 1000;
  let passed = 0;
  t.after(useClock({ now: () => now, monotonic: () => performance.now() + passed }));
  return {
    forward: (seconds) => {
      now += seconds * 1000;
      passed += seconds * 1000;
    },
    date: () => new Date(now).toUTCString(),
  };
}

/** `sekisho; hit; ttl=10` without what depends on the time. */
export function statusOf({ headers }: Answer): string {
  return String(headers['cache-status'] ?? '').replace(/; ttl=-?\d+/, '');
}
