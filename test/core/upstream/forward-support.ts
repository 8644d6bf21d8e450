/** What the tests of forwarding share: a server that records what it is asked, and an app in front of it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import express, { type Express } from 'express';
import { balancedProxy, type BalancedProxyOptions } from '../../../lib/balanced-proxy/index.ts';
import type { Transaction } from '../../../lib/core/transaction.ts';
import type { ForwarderOptions, Target } from '../../../lib/core/upstream/forward.ts';
import { listen, type Listening } from '../../support/servers.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn, as they came. */
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  /** All values of a field, in order. */
  readonly all: (name: string) => string[];
  readonly get: (name: string) => string | undefined;
}

export interface Recording extends Listening {
  readonly seen: Seen[];
}

/** A server that keeps every request it has read to the end, and then answers. */
export async function recording(
  t: TestContext,
  answer: (req: IncomingMessage, res: ServerResponse, seen: Seen) => void = (_req, res) =>
    res.end('ok'),
): Promise<Recording> {
  const seen: Seen[] = [];
  const listening = await listen(t, (req, res) => {
    const chunks: Buffer[] = [];
    req.on('error', () => undefined);
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const fields = req.rawHeaders;
      const all = (name: string): string[] =>
        fields.filter((_, at) => at % 2 === 1 && fields[at - 1]?.toLowerCase() === name);
      const one: Seen = {
        method: req.method ?? '',
        url: req.url ?? '',
        fields,
        body: Buffer.concat(chunks).toString('latin1'),
        trailers: req.rawTrailers,
        all,
        get: (name) => all(name)[0],
      };
      seen.push(one);
      answer(req, res, one);
    });
  });
  return { ...listening, seen };
}

/** An app with nothing in it but this, and an error handler that shows code and detail. */
export async function appWith(
  t: TestContext,
  setup: (app: Express) => void,
): Promise<Listening & { readonly app: Express }> {
  const app = express();
  app.set('env', 'test').disable('x-powered-by');
  setup(app);
  return { ...(await listen(t, app as RequestListener)), app };
}

/** An app that forwards everything. */
export async function proxyTo(
  t: TestContext,
  target: Target | BalancedProxyOptions,
  options?: ForwarderOptions,
): Promise<Listening & { readonly app: Express }> {
  return appWith(t, (app) => {
    const proxy = balancedProxy(target, options);
    t.after(() => void proxy.close());
    app.use(proxy);
    app.use(showErrors);
  });
}

/** `code: detail` as the body. */
export function showErrors(
  error: {
    status?: number;
    code?: string;
    message?: string;
    detail?: string;
    headers?: Record<string, string>;
  },
  _req: express.Request,
  res: express.Response,
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows an error handler by its four parameters
  _next: express.NextFunction,
): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  res.status(error.status ?? 500).set(error.headers ?? {});
  res.type('text').send(`${error.code ?? error.message ?? ''}: ${error.detail ?? ''}`);
}

/** The transactions of this target that are published while the test runs. */
export function transactions(t: TestContext, target = '/'): Transaction[] {
  const published: Transaction[] = [];
  const listener = (transaction: unknown): void => {
    if ((transaction as Transaction).target === target) published.push(transaction as Transaction);
  };
  subscribe('sekisho:transaction', listener);
  t.after(() => unsubscribe('sekisho:transaction', listener));
  return published;
}

/** The head and body of a raw answer. */
export function parts(text: string): { head: string; body: string } {
  const end = text.indexOf('\r\n\r\n');
  return { head: text.slice(0, end), body: text.slice(end + 4) };
}
