/** Pools over real sockets, requests through them, and a clock that stands still until told. */
import type { TestContext } from 'node:test';
import type { Request } from 'express';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { useClock } from '../../../lib/core/clock.ts';
import { ProxyError, type ErrorCode } from '../../../lib/core/errors.ts';
import type { Events } from '../../../lib/core/events.ts';
import { parseOptions } from '../../../lib/core/options.ts';
import { Http1Client } from '../../../lib/core/upstream/http1/client.ts';
import { Pool } from '../../../lib/core/upstream/pool.ts';
import { poolSchema, type PoolOptions } from '../../../lib/core/upstream/pool-options.ts';
import { serversField, type ServerInput } from '../../../lib/core/upstream/server-input.ts';
import type { Server } from '../../../lib/core/upstream/server.ts';

export function poolOf(
  t: TestContext,
  servers: readonly ServerInput[],
  options: PoolOptions = {},
): Pool {
  const parsed = parseOptions('test', poolSchema, options);
  const definitions = parseOptions('test', serversField({ least: 0 }), servers);
  const pool = new Pool('images', definitions, parsed, ({ url }) => {
    return new Http1Client(url, { timeouts: parsed.timeouts });
  });
  t.after(() => pool.destroy());
  return pool;
}

/** As much of a request as pools look at. */
export function request(headers: Record<string, string> = {}): Request {
  return { headers, secure: false, ip: '127.0.0.1' } as unknown as Request;
}

/** Sends one GET through the pool, as a forwarder without retries would. */
export async function ask(pool: Pool, path = '/'): Promise<{ server: Server; status: number }> {
  const server = await pool.acquire(request(), []);
  const started = performance.now();
  try {
    const status = await new Promise<number>((resolve, reject) => {
      let status = 0;
      server.transport.dispatch(
        { path, method: 'GET', headers: { host: server.host }, body: null },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_controller, code) => {
            status = code;
          },
          onResponseEnd: () => resolve(status),
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });
    pool.report(server, { kind: 'answer', status, milliseconds: performance.now() - started });
    return { server, status };
  } catch (error) {
    pool.report(server, { kind: 'failure', error: error as ProxyError, reused: false });
    throw error;
  } finally {
    pool.release(server);
  }
}

export function answer(pool: Pool, server: Server, status = 200, milliseconds = 5): void {
  pool.report(server, { kind: 'answer', status, milliseconds });
}

export function fail(pool: Pool, server: Server, code: ErrorCode, reused = false): void {
  pool.report(server, { kind: 'failure', error: new ProxyError(code), reused });
}

/** The names of the servers that get requests, by asking many times. */
export function takers(pool: Pool, times = 60): string[] {
  const names = new Set<string>();
  for (let time = 0; time < times; time++) {
    const server = pool.acquire(request(), []) as Server;
    names.add(server.name);
    pool.release(server);
  }
  return [...names].sort();
}

/** Collects what a channel publishes while the test runs. */
export function listenTo<Name extends keyof Events>(t: TestContext, name: Name): Events[Name][] {
  const seen: Events[Name][] = [];
  const listener = (message: unknown): void => void seen.push(message as Events[Name]);
  subscribe(name, listener);
  t.after(() => unsubscribe(name, listener));
  return seen;
}

/** Time that passes only by `advance`; chance that is always in the middle. */
export function standStill(t: TestContext): {
  advance(milliseconds: number): void;
  /** How many timers are set. */
  timers(): number;
} {
  let now = 1_000_000;
  let timers: { at: number; every: number | undefined; callback: () => void }[] = [];
  const add = (delay: number, every: number | undefined, callback: () => void): (() => void) => {
    const timer = { at: now + delay, every, callback };
    timers.push(timer);
    return () => (timers = timers.filter((other) => other !== timer));
  };
  t.after(
    useClock({
      now: () => now,
      monotonic: () => now,
      random: () => 0.5,
      after: (delay, callback) => add(delay, undefined, callback),
      every: (delay, callback) => add(delay, delay, callback),
    }),
  );
  return {
    timers: () => timers.length,
    advance(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        const next = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        now = next.at;
        if (next.every === undefined) timers = timers.filter((timer) => timer !== next);
        else next.at += next.every;
        next.callback();
      }
      now = end;
    },
  };
}
