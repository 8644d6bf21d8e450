/** What the tests of the filter share: an app behind one, for local and for proxied requests, and raw questions to it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { contextOf, type AuthenticatedUser } from '../../lib/core/context.ts';
import { OptionsError, type ProxyError } from '../../lib/core/errors.ts';
import type { Events } from '../../lib/core/events.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { urlFilter, type UrlFilter, type UrlFilterOptions } from '../../lib/url-filter/index.ts';
import { exchangeRaw, listen } from '../support/servers.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: string;
  /** The body of what has passed, or of an error. */
  readonly json: {
    readonly url?: string;
    readonly code?: string;
    readonly detail?: string;
    readonly filter?: string;
    readonly rule?: string;
    readonly category?: string;
    readonly error?: string;
  };
}

export interface Filtered {
  readonly port: number;
  readonly filter: UrlFilter;
  /** Asks for a target, byte for byte. */
  readonly ask: (target: string, more?: Question) => Promise<Answer>;
  readonly passes: (target: string, more?: Question) => Promise<boolean>;
}

export interface Question {
  readonly method?: string;
  readonly host?: string;
  readonly fields?: readonly string[];
}

/** An app that answers what has passed with what it knows of it, and errors by their codes. */
export async function filtered(
  t: TestContext,
  options?: UrlFilterOptions,
  prepare: (app: Express) => void = () => undefined,
): Promise<Filtered> {
  const app = express();
  prepare(app);
  const filter = urlFilter(options);
  t.after(() => filter.close());
  app.use(filter);
  app.use(answerPassed);
  app.use(answerError);
  const { port, server } = await listen(t, app);
  attach(server);
  const ask = (target: string, question: Question = {}): Promise<Answer> =>
    askRaw(port, target, question);
  return {
    port,
    filter,
    ask,
    passes: async (target, question) => (await ask(target, question)).status === 200,
  };
}

export function answerPassed(req: Request, res: Response): void {
  const context = contextOf(req);
  const body = JSON.stringify({ url: req.url, ...recordOf(req) });
  context.claim();
  if (req.method !== 'CONNECT') res.type('json').send(body);
  else context.upgrade?.take().end(`HTTP/1.1 200 OK\r\n\r\n${body}`);
}

export function answerError(
  error: ProxyError,
  req: Request,
  res: Response,
  next: NextFunction,
): void {
  if (res.headersSent) next(error);
  else res.status(error.status).json({ code: error.code, detail: error.detail, ...recordOf(req) });
}

function recordOf(req: Request): object {
  const { filter, filterRule, filterCategory, error } = contextOf(req).transaction;
  return { filter, rule: filterRule, category: filterCategory, error };
}

export async function askRaw(
  port: number,
  target: string,
  { method = 'GET', host = 'site.example', fields = [] }: Question = {},
): Promise<Answer> {
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...fields, 'Connection: close'];
  const { text } = await exchangeRaw(port, `${lines.join('\r\n')}\r\n\r\n`);
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  const json = (body.startsWith('{') ? JSON.parse(body) : {}) as Answer['json'];
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text, body, json };
}

/** A gate that believes everybody, for filters behind one. */
export function signIn(name: string, groups: readonly string[] = []) {
  const user: AuthenticatedUser = { name, scheme: 'basic', groups, claims: {} };
  return (req: Request, _res: Response, next: NextFunction): void => {
    contextOf(req).user = user;
    next();
  };
}

export function problemsOf(options: unknown): readonly string[] {
  try {
    urlFilter(options as UrlFilterOptions).close();
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
  return [];
}

/** Writes list files into a folder of their own. */
export function listFiles(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sekisho-lists-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** Everything a channel publishes while the test runs. */
export function heard<Name extends keyof Events>(t: TestContext, name: Name): Events[Name][] {
  const seen: Events[Name][] = [];
  const listener = (payload: unknown): void => void seen.push(payload as Events[Name]);
  subscribe(name, listener);
  t.after(() => unsubscribe(name, listener));
  return seen;
}
