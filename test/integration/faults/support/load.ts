/** A constant rate of requests that slow answers do not slow down (an open loop), and what became of each. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { performance } from 'node:perf_hooks';

export interface LoadOptions {
  /** Requests per second. */
  readonly rate: number;
  readonly method?: string;
  /** @default '/small' */
  readonly path?: string | ((count: number) => string);
  readonly body?: Buffer;
}

export interface Outcome {
  readonly path: string;
  /** `performance.now()`. */
  readonly begun: number;
  readonly ended: number;
  readonly milliseconds: number;
  /** Of the answer's head; undefined when none came. */
  readonly status: number | undefined;
  readonly server: string | undefined;
  readonly retryAfter: string | undefined;
  /** How the connection failed, before or after the head; undefined when the answer came to its end. */
  readonly error: string | undefined;
  readonly bytes: number;
  /** SHA-256 of the body, and the body itself if it is short. */
  readonly digest: string;
  readonly text: string;
}

/** Turns of the generator: fine enough to be even, coarse enough to cost little. */
const turn = 2;
/** Requests that may come at once when a turn is late: more would be another load than was asked for. */
const burst = 8;

export class Load {
  readonly #url: string;
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #outcomes: Promise<Outcome>[] = [];
  readonly #ended: Outcome[] = [];
  readonly #timer: NodeJS.Timeout;
  #begun = performance.now();

  constructor(url: string, options: LoadOptions) {
    this.#url = url;
    this.#options = options;
    this.#timer = setInterval(() => this.#sendDue(), turn);
  }

  /** Those that have ended so far. */
  get ended(): readonly Outcome[] {
    return this.#ended;
  }

  /** What part of the last 150 that have ended a server has answered. */
  shareOf(server: string): number {
    const last = this.#ended.slice(-150);
    return last.filter((outcome) => outcome.server === server).length / 150;
  }

  /** Sends no more and waits for what has been sent. */
  async stop(): Promise<readonly Outcome[]> {
    clearInterval(this.#timer);
    const outcomes = await Promise.all(this.#outcomes);
    this.#agent.destroy();
    return outcomes;
  }

  #sendDue(): void {
    const { rate } = this.#options;
    let due = ((performance.now() - this.#begun) * rate) / 1000;
    const skipped = due - this.#outcomes.length - burst;
    if (skipped > 0) {
      this.#begun += (skipped * 1000) / rate;
      due -= skipped;
    }
    while (this.#outcomes.length < due) {
      const { path = '/small', method = 'GET', body } = this.#options;
      const target = typeof path === 'string' ? path : path(this.#outcomes.length);
      const outcome = send(this.#agent, this.#url + target, method, body);
      void outcome.then((ended) => this.#ended.push(ended));
      this.#outcomes.push(outcome);
    }
  }
}

/** One request on a connection of its own. */
export async function ask(url: string, method = 'GET', body?: Buffer): Promise<Outcome> {
  const agent = new Agent();
  const outcome = await send(agent, url, method, body);
  agent.destroy();
  return outcome;
}

function send(agent: Agent, url: string, method: string, body?: Buffer): Promise<Outcome> {
  return new Promise((resolve) => {
    const begun = performance.now();
    const hash = createHash('sha256');
    let status: number | undefined;
    let server: string | undefined;
    let retryAfter: string | undefined;
    let text = '';
    let bytes = 0;
    let settled = false;
    const settle = (error: string | undefined): void => {
      if (settled) return;
      settled = true;
      const ended = performance.now();
      const milliseconds = ended - begun;
      const path = url.slice(url.indexOf('/', 8));
      const digest = hash.digest('hex');
      const head = { status, server, retryAfter };
      resolve({ path, begun, ended, milliseconds, ...head, error, bytes, digest, text });
    };
    const fail = (error: NodeJS.ErrnoException): void => settle(error.code ?? error.message);
    const req = request(url, {
      agent,
      method,
      headers: body === undefined ? {} : { 'content-length': body.length },
    });
    req.on('error', fail);
    req.on('response', (res) => {
      status = res.statusCode;
      server = res.headers['x-server'] as string | undefined;
      retryAfter = res.headers['retry-after'];
      res.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        hash.update(chunk);
        if (bytes < 1024) text += chunk.toString('latin1');
      });
      res.on('error', fail);
      res.on('close', () => settle(res.complete ? undefined : 'incomplete'));
    });
    req.end(body);
  });
}

export function isGood({ status, error }: Outcome): boolean {
  return status === 200 && error === undefined;
}

/** How often each result came, for messages: `200: 995, 502: 5`. */
export function tally(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { status, error } of outcomes) {
    const result = [status, error].filter((part) => part !== undefined).join(' ');
    counts.set(result, (counts.get(result) ?? 0) + 1);
  }
  return [...counts].map(([result, count]) => `${result}: ${count}`).join(', ');
}

export function median(outcomes: readonly Outcome[]): number {
  const sorted = outcomes.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

export function slowest(outcomes: readonly Outcome[]): number {
  return Math.max(...outcomes.map(({ milliseconds }) => milliseconds));
}

/** Fails with a short account of those that did not get their whole 200. */
export function assertAllGood(outcomes: readonly Outcome[]): void {
  const bad = outcomes.filter((outcome) => !isGood(outcome));
  if (bad.length === 0) return;
  const first = bad
    .slice(0, 3)
    .map(({ begun, milliseconds, text }) => ({ begun, milliseconds, text }));
  assert.fail(`${bad.length} of ${outcomes.length}: ${tally(bad)}; first ${JSON.stringify(first)}`);
}
