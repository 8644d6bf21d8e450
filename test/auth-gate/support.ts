/** What the tests of the gate share: an app behind one, hashes whose passwords are known, and a clock that stands still. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TestContext } from 'node:test';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { authGate, type AuthGate, type AuthGateOptions } from '../../lib/auth-gate/index.ts';
import { useClock } from '../../lib/core/clock.ts';
import { contextOf } from '../../lib/core/context.ts';
import type { ProxyError } from '../../lib/core/errors.ts';
import type { Events } from '../../lib/core/events.ts';
import { listen } from '../support/servers.ts';

/** Made by htpasswd, node:crypto and hash-wasm; cheap ones, so that tests are quick. */
export const hashes = {
  /** correct-horse */
  bcrypt: '$2y$05$EU.FceLTUgttgJ.VOtXH6evyJjy39TkGX3qAXC17yy9MwKXDZKrQi',
  /** päss wörd */
  apr1: '$apr1$vkK4u4I8$yCHY9cdnwQ9n4ADh04.Qc1',
  /** sesame */
  sha1: '{SHA}CEo1Ae3vaEXy8eQZjsOiuBz1xrw=',
  /** argon-pass */
  argon2:
    '$argon2id$v=19$m=256,t=2,p=1$c2l4dGVlbmJ5dGVzYWx0IQ$ApEm4GBjpb+J4tdYzoOP2pV84Wl3DnAszh22kYZkS80',
  /** scrypt-pass */
  scrypt:
    '$scrypt$ln=10,r=8,p=1$c2l4dGVlbmJ5dGVzYWx0IQ$kTFwuB3svNMPFoQKEJtQ/And0wc3HMjz2qoygYVXg+A',
} as const;

export const passwords = {
  bcrypt: 'correct-horse',
  apr1: 'päss wörd',
  sha1: 'sesame',
  argon2: 'argon-pass',
  scrypt: 'scrypt-pass',
} as const;

export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

export interface Gated {
  readonly url: string;
  readonly port: number;
  readonly app: Express;
  readonly gate: AuthGate;
  /** Asks `/` with these credentials. */
  readonly ask: (authorization?: string, init?: RequestInit) => Promise<Response_>;
}
type Response_ = globalThis.Response;

/** An app behind a gate: it answers what it knows of the user, and errors by their codes. */
export async function gated(
  t: TestContext,
  options: AuthGateOptions,
  prepare: (app: Express) => void = () => undefined,
): Promise<Gated> {
  const app = express();
  prepare(app);
  const gate = authGate(options);
  t.after(() => gate.close());
  app.use(gate);
  app.use((req: Request, res: Response) => {
    const { consumed, user, transaction } = contextOf(req);
    res.json({
      auth: req.auth,
      user,
      consumed: [...(consumed ?? [])],
      verdict: transaction.auth,
      reason: transaction.authReason,
      logged: transaction.user,
    });
  });
  app.use((error: ProxyError, req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) next(error);
    else
      res.status(error.status).json({
        code: error.code,
        detail: error.detail,
        verdict: contextOf(req).transaction.auth,
        logged: contextOf(req).transaction.user,
      });
  });
  const { url, port } = await listen(t, app);
  return {
    url,
    port,
    app,
    gate,
    ask: (authorization, init = {}) =>
      fetch(url, {
        ...init,
        headers: { ...(init.headers as object), ...(authorization && { authorization }) },
      }),
  };
}

/** A clock that moves when told to; timers of more than a second wait for it, too. */
export function stillClock(t: TestContext): { pass(milliseconds: number): void } {
  let now = 1_000_000;
  const timers = new Set<{ at: number; every: number | undefined; callback: () => void }>();
  const add = (milliseconds: number, callback: () => void, every?: number) => {
    const timer = { at: now + milliseconds, every, callback };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  t.after(
    useClock({
      monotonic: () => now,
      now: () => now,
      after: (milliseconds, callback) => {
        if (milliseconds > 1000) return add(milliseconds, callback);
        const timer = setTimeout(callback, milliseconds).unref();
        return () => clearTimeout(timer);
      },
      every: (milliseconds, callback) => add(milliseconds, callback, milliseconds),
    }),
  );
  return {
    pass(milliseconds) {
      now += milliseconds;
      for (const timer of timers) {
        if (timer.at > now) continue;
        if (timer.every === undefined) timers.delete(timer);
        else timer.at = now + timer.every;
        timer.callback();
      }
    },
  };
}

/** Everything a channel publishes while the test runs. */
export function heard<Name extends keyof Events>(t: TestContext, name: Name): Events[Name][] {
  const seen: Events[Name][] = [];
  const listener = (payload: unknown): void => void seen.push(payload as Events[Name]);
  subscribe(name, listener);
  t.after(() => unsubscribe(name, listener));
  return seen;
}
