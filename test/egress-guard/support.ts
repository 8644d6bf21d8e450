/** What the tests of the guard share: a proxy with a guard, servers behind it, and numbers that are made up. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import express, { type RequestHandler } from 'express';
import { attach } from '../../lib/core/server/attach.ts';
import type { Transaction } from '../../lib/core/transaction.ts';
import { useClock } from '../../lib/core/clock.ts';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  egressGuard,
  type EgressAlert,
  type EgressGuard,
  type EgressGuardOptions,
} from '../../lib/egress-guard/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';

/** What a server behind has seen of a request. */
export interface Received {
  readonly url: string;
  bytes: Buffer;
  /** All of it came. */
  complete: boolean;
  aborted: boolean;
}

export interface Behind {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
}

/** A server that remembers what it got. */
export async function behind(t: TestContext, answer: RequestHandler = hello): Promise<Behind> {
  const received: Received[] = [];
  const app = express();
  app.use((req, res, next) => {
    const seen: Received = {
      url: req.url,
      bytes: Buffer.alloc(0),
      complete: false,
      aborted: false,
    };
    received.push(seen);
    req.on('data', (chunk: Buffer) => (seen.bytes = Buffer.concat([seen.bytes, chunk])));
    req.on('error', () => undefined);
    req.on('end', () => {
      seen.complete = true;
      answer(req, res, next);
    });
    req.on('close', () => (seen.aborted = !seen.complete));
  });
  const server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, received };
}

const hello: RequestHandler = (_req, res) => {
  res.send('hello');
};

export interface Guarded {
  readonly port: number;
  readonly guard: EgressGuard;
  readonly alerts: EgressAlert[];
  readonly transactions: Transaction[];
}

/** An app with a guard in front of a server, as a reverse proxy; without one, a forward proxy. */
export async function guarded(
  t: TestContext,
  options: EgressGuardOptions,
  target?: string,
  ...before: RequestHandler[]
): Promise<Guarded> {
  const alerts: EgressAlert[] = [];
  const transactions: Transaction[] = [];
  const onTransaction = (message: unknown): void => {
    transactions.push(message as Transaction);
  };
  subscribe('sekisho:transaction', onTransaction);
  t.after(() => void unsubscribe('sekisho:transaction', onTransaction));
  const guard = egressGuard({
    onAlert: (alert) => alerts.push(alert),
    ...options,
    // What a busy machine needs for other things counts too.
    inspection: { timeBudget: '60s', ...options.inspection },
  });
  t.after(() => {
    guard.close();
  });
  const app = express();
  app.set('env', 'test');
  for (const handler of before) app.use(handler);
  app.use(
    guard,
    target === undefined
      ? forwardProxy({
          allowPrivate: ['127.0.0.0/8'],
          ports: webPorts,
          connectPorts: tunnelPorts,
          lookup,
        })
      : balancedProxy(target),
  );
  const server = createServer(app);
  attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, guard, alerts, transactions };
}

const webPorts: number[] = [];
const tunnelPorts: number[] = [443];
/** All names are this machine. */
const lookup = (): Promise<string[]> => Promise.resolve(['127.0.0.1']);

/** Lets the forward proxy go to this port, with requests or with tunnels. */
export function openPort(port: number, kind: 'web' | 'tunnel' = 'web'): void {
  (kind === 'web' ? webPorts : tunnelPorts).push(port);
}

export interface Answered {
  readonly status: number;
  readonly text: string;
  /** It broke off. */
  readonly broken: boolean;
}

/** Sends a request with its body in these pieces. */
export async function ask(
  port: number,
  path: string,
  {
    method = 'GET',
    headers = {},
    body = [],
  }: {
    method?: string;
    headers?: OutgoingHttpHeaders;
    body?: readonly (Buffer | string)[] | AsyncIterable<Buffer | string>;
  } = {},
): Promise<Answered> {
  const host = path.startsWith('/') ? {} : { host: new URL(path).host };
  const req = request({
    ...{ port, path, method, agent: false, host: '127.0.0.1' },
    headers: { ...host, ...headers },
  });
  const answer = once(req, 'response') as Promise<[IncomingMessage]>;
  req.on('error', () => undefined);
  void (async () => {
    for await (const piece of body) {
      if (req.destroyed) return;
      req.write(piece);
    }
    req.end();
  })();
  const [res] = await answer;
  try {
    return { status: res.statusCode ?? 0, text: await text(res), broken: false };
  } catch {
    return { status: res.statusCode ?? 0, text: '', broken: true };
  }
}

export interface Tunnel {
  readonly socket: Socket;
  /** The status of the answer to CONNECT. */
  readonly status: number;
  readonly closed: Promise<void>;
}

export async function openTunnel(port: number, authority: string): Promise<Tunnel> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  return { socket, status: Number(/^HTTP\/1\.1 (\d+)/.exec(String(head))?.[1]), closed };
}

/** Time that stands still until it is told to go on; timers fire on the way. */
export class FakeTime {
  now: number;
  readonly #timers = new Map<number, { at: number; every: number | undefined; call: () => void }>();
  #ids = 0;

  constructor(t: TestContext, start = Date.UTC(2026, 4, 4)) {
    this.now = start;
    const add = (delay: number, every: number | undefined, call: () => void): (() => void) => {
      const id = this.#ids++;
      this.#timers.set(id, { at: this.now + delay, every, call });
      return () => void this.#timers.delete(id);
    };
    const restore = useClock({
      now: () => this.now,
      monotonic: () => this.now,
      after: (delay, call) => add(delay, undefined, call),
      every: (delay, call) => add(delay, delay, call),
    });
    t.after(restore);
  }

  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const next = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0];
      if (next === undefined || next[1].at > end) break;
      const [id, timer] = next;
      this.now = timer.at;
      if (timer.every === undefined) this.#timers.delete(id);
      else timer.at += timer.every;
      timer.call();
    }
    this.now = end;
  }
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
