import type { Request } from 'express';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { publish } from '../events.ts';
import { Arrival } from './arrival.ts';
import type { AttemptResult } from './attempt.ts';
import { RetryBudget } from './budget.ts';
import { reachable } from './candidates.ts';
import { Chooser } from './chooser.ts';
import { Membership, type OpenTransport } from './membership.ts';
import type { ParsedPoolOptions } from './pool-options.ts';
import { WaitingLine, type Cancel } from './queue.ts';
import { answerRollCall } from './roll-call.ts';
import type { Server, ServerDefinition } from './server.ts';
import { Silence } from './silence.ts';
import { Watchers } from './watchers.ts';

/** Weight of a new measurement in a server's latency. */
const smoothing = 0.1;

/**
 * The servers of one upstream: which of them may get requests, which one gets this one, and what their
 * answers say of them. `Upstream` is its public face, forwarders use it per attempt:
 * `acquire`, then `report` (when there is something to report), then `release`, each once.
 */
export class Pool {
  readonly name: string;
  readonly options: ParsedPoolOptions;
  readonly budget: RetryBudget;
  readonly #members: Membership;
  readonly #chooser: Chooser;
  readonly #watchers: Watchers;
  readonly #line: WaitingLine;
  readonly #silence: Silence = new Silence();
  readonly #arrival: Arrival = new Arrival();
  readonly #leaveRoll: () => void;
  #closed = false;

  constructor(
    name: string,
    definitions: readonly ServerDefinition[],
    options: ParsedPoolOptions,
    open: OpenTransport,
  ) {
    this.name = name;
    this.options = options;
    this.budget = new RetryBudget(options.retries.budget);
    this.#members = new Membership(open, options.connections.perServer);
    this.#chooser = new Chooser({ name, options, members: this.#members, silence: this.#silence });
    this.#line = new WaitingLine(options.connections.queue, options.connections.queueTimeout);
    const members = this.#members;
    this.#watchers = new Watchers({
      name,
      options,
      get servers() {
        return members.servers;
      },
      changed: () => {
        this.#refresh();
      },
    });
    this.#place(definitions, false);
    this.#refresh();
    this.#leaveRoll = answerRollCall(this);
  }

  /** In the order of definition; another array after each change. */
  get servers(): readonly Server[] {
    return this.#members.servers;
  }

  /**
   * Takes a server for one attempt and counts it in flight. Synchronous unless the request has to wait
   * for a free place or for the first answer of the discovery.
   *
   * @param tried servers of earlier attempts, left out while there is another
   * @param cancel the response: a client that goes away does not wait any longer
   * @throws {ProxyError} ERR_SEKISHO_NO_SERVER, ERR_SEKISHO_STICKY_LOST, ERR_SEKISHO_QUEUE_FULL (all with
   * `Retry-After`) or ERR_SEKISHO_SHUTTING_DOWN; the promise also ERR_SEKISHO_QUEUE_TIMEOUT and ERR_SEKISHO_CLIENT_ABORTED
   */
  acquire(req: Request, tried: readonly Server[], cancel?: Cancel): Server | Promise<Server> {
    if (this.#arrival.pending && this.servers.length === 0)
      return this.#afterArrival(req, tried, cancel);
    // Nobody overtakes those who wait, but where they may wait for one server only (sticky) others need not.
    const server =
      this.#line.length === 0 || this.#chooser.sticky ? this.#take(req, tried) : undefined;
    if (server !== undefined) return server;
    return this.#line.wait(() => this.#take(req, tried), cancel, this.#chooser.retryAfter());
  }

  /** The attempt is over, whatever its end: frees the place. */
  release(server: Server): void {
    server.inflight--;
    if (server.inflight === 0) {
      this.#silence.idle(server);
      this.#members.idle(server);
    }
    if (this.#line.length > 0) this.#line.wake();
  }

  /** What the attempt showed, before its `release`. An answer may be followed by the failure of its body. */
  report(server: Server, result: AttemptResult, now: number = clock.monotonic()): void {
    const onProbation = server.probation;
    // Judged first: an answer ends the silence that a timeout is judged by.
    this.#watchers.observe(server, result, now);
    if (result.kind === 'answer') {
      this.#silence.answered(server, result.milliseconds, now);
      server.latency =
        server.latency === undefined
          ? result.milliseconds
          : server.latency + (result.milliseconds - server.latency) * smoothing;
    }
    if (onProbation !== server.probation) this.#refresh();
  }

  /**
   * What a client is told when its last attempt failed: the failure itself, or, when no server of the pool
   * can be reached at all, that (503 with `Retry-After`).
   */
  outcome(error: ProxyError): ProxyError {
    if (error.stage !== 'connect' && error.stage !== 'resolve') return error;
    return this.servers.some(reachable)
      ? error
      : this.#chooser.nobody('no server can be reached', error);
  }

  /** A `Set-Cookie` value for the answer, when clients are bound to servers and this one is not yet to this. */
  stickyCookie(req: Request, server: Server): string | undefined {
    return this.#chooser.cookie(req, server);
  }

  /** The server with this key, see `serverKey`. */
  find(key: string): Server | undefined {
    return this.#members.find(key);
  }

  /**
   * Makes these the servers, all or nothing. Those that were there keep their state and connections, new
   * ones are opened, the others finish what they have. A draining server that is named is back.
   */
  replace(
    definitions: readonly ServerDefinition[],
    { keepDraining = false }: { keepDraining?: boolean } = {},
  ): void {
    const opened = this.#place(definitions, keepDraining);
    for (const server of opened) this.#watchers.begin(server);
    this.#refresh();
    publish('sekisho:servers', {
      upstream: this.name,
      servers: this.servers.map((server) => server.name),
    });
  }

  /** How many requests at a time a server defined so gets. */
  limitOf(definition: ServerDefinition): number {
    return this.#members.limitOf(definition);
  }

  /** Gives the server nothing new; resolves when it has finished what it has. */
  drain(server: Server): Promise<void> {
    server.draining = true;
    this.#refresh();
    return this.#members.whenIdle(server);
  }

  /** Ends the draining of a server that is still there. */
  resume(server: Server): void {
    server.draining = false;
    this.#refresh();
  }

  /** Requests wait for this (the first answer of a discovery) as long as there is no server. */
  expect(arrival: Promise<void>): void {
    this.#arrival.expect(arrival);
  }

  /**
   * Takes no new requests; resolves when those in flight, also with servers removed earlier, have ended and
   * the connections are closed.
   */
  close(): Promise<void> {
    this.#stop();
    return this.#members.close();
  }

  /** Closes every connection at once; requests in flight fail. */
  destroy(): void {
    this.#stop();
    this.#members.destroy();
  }

  #take(req: Request, tried: readonly Server[]): Server | undefined {
    if (this.#closed) throw new ProxyError('ERR_SEKISHO_SHUTTING_DOWN', { detail: this.name });
    const server = this.#chooser.choose(req, tried);
    if (server === undefined) return undefined;
    server.inflight++;
    this.#silence.asked(server, clock.monotonic());
    return server;
  }

  async #afterArrival(
    req: Request,
    tried: readonly Server[],
    cancel: Cancel | undefined,
  ): Promise<Server> {
    await this.#arrival.wait(this.options.timeouts.connect);
    if (cancel?.destroyed === true) throw new ProxyError('ERR_SEKISHO_CLIENT_ABORTED');
    if (this.servers.length === 0) throw this.#chooser.nobody('no server has been found yet');
    return this.acquire(req, tried, cancel);
  }

  /** @returns the servers that are new */
  #place(definitions: readonly ServerDefinition[], keepDraining: boolean): readonly Server[] {
    const { opened, removed } = this.#members.replace(definitions, keepDraining);
    for (const server of removed) this.#watchers.forget(server);
    for (const server of opened) this.#watchers.watch(server);
    return opened;
  }

  #refresh(): void {
    this.#chooser.refresh();
    if (this.#line.length > 0) this.#line.wake();
  }

  #stop(): void {
    this.#closed = true;
    this.#leaveRoll();
    this.#watchers.close();
    this.#line.clear(new ProxyError('ERR_SEKISHO_SHUTTING_DOWN', { detail: this.name }));
  }
}
