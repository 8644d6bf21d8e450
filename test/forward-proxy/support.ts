/** A forward proxy in an app, sites that are reached by names of their own, and what the proxy has recorded. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { TestContext } from 'node:test';
import express, { type Express, type RequestHandler } from 'express';
import type { Events } from '../../lib/core/events.ts';
import { serve, type ServeOptions, type Serving } from '../../lib/core/server/serve.ts';
import type { Transaction } from '../../lib/core/transaction.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import {
  forwardProxy,
  type ForwardProxy,
  type ForwardProxyOptions,
} from '../../lib/forward-proxy/index.ts';
import { listen, turns, until } from '../support/servers.ts';

export interface Scene {
  readonly port: number;
  readonly url: string;
  readonly serving: Serving;
  readonly proxy: ForwardProxy;
  readonly app: Express;
  /** What has ended, in order. */
  readonly records: readonly Transaction[];
  readonly tunnels: readonly Events['sekisho:tunnel'][];
}

/** Every name below `.test` is this machine. */
export const local: Pick<ForwardProxyOptions, 'allowPrivate' | 'lookup'> = {
  allowPrivate: ['test'],
  lookup: (hostname) =>
    Promise.resolve(hostname.endsWith('.test') ? ['127.0.0.1'] : ['203.0.113.1']),
};

export async function startProxy(
  t: TestContext,
  options: ForwardProxyOptions,
  {
    before = [],
    after = [],
    ...serving
  }: {
    before?: RequestHandler[];
    after?: RequestHandler[];
  } & ServeOptions = {},
): Promise<Scene> {
  const proxy = forwardProxy({ ...local, ...options });
  const app = express();
  for (const handler of before) app.use(handler);
  app.use(proxy);
  for (const handler of after) app.use(handler);
  app.use(errorPages());
  const served = await serve(app, { host: '127.0.0.1', gracePeriod: 0, ...serving });
  const records: Transaction[] = [];
  const tunnels: Events['sekisho:tunnel'][] = [];
  const onRecord = (record: unknown): void => void records.push(record as Transaction);
  const onTunnel = (event: unknown): void => void tunnels.push(event as Events['sekisho:tunnel']);
  subscribe('sekisho:transaction', onRecord);
  subscribe('sekisho:tunnel', onTunnel);
  t.after(async () => {
    await served.close();
    await proxy.close();
    // Records are the process': the next test must not get one of this.
    await until(() => proxy.tunnels === 0, 'the end of all tunnels');
    await turns();
    unsubscribe('sekisho:transaction', onRecord);
    unsubscribe('sekisho:tunnel', onTunnel);
  });
  const port = Number(new URL(served.url).port);
  return { port, url: served.url, serving: served, proxy, app, records, tunnels };
}

/** A site that says what it was asked for. */
export async function startSite(
  t: TestContext,
  listener: RequestListener = answerWithQuestion,
): Promise<{ port: number; server: Server }> {
  return listen(t, createServer(listener));
}

export const answerWithQuestion: RequestListener = (req, res) => {
  let bytes = 0;
  req.on('data', (chunk: Buffer) => (bytes += chunk.length));
  req.on('end', () => {
    const { method, url, headers, rawHeaders } = req;
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ method, url, headers, rawHeaders, bytes }));
  });
};

export interface Question {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string | undefined>;
  readonly rawHeaders: string[];
  readonly bytes: number;
}

/** The body of a raw answer, as the site's JSON. */
export function questionIn(text: string): Question {
  return JSON.parse(text.slice(text.indexOf('{"method"'))) as Question;
}
