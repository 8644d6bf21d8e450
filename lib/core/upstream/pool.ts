import type { Request } from 'express';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { publish } from '../events.ts';
import type { AttemptResult } from './attempt.ts';
import { createBalancer, type Balancer } from './balancing/index.ts';
import { RetryBudget } from './budget.ts';
import { candidatesOf, reachable } from './candidates.ts';
import { Ejector } from './ejection.ts';
import { HealthMonitor } from './health.ts';
import type { ParsedPoolOptions } from './pool-options.ts';
import { WaitingLine, type Cancel } from './queue.ts';
import { Server, serverKey, type ServerDefinition, type Transport } from './server.ts';
import { Silence } from './silence.ts';
import { SlowStart } from './slow-start.ts';
import { Affinity } from './sticky.ts';

/** Makes the connections to one server; the pool closes them. */
export type OpenTransport = (definition: ServerDefinition) => Transport;

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
  readonly #open: OpenTransport;
  readonly #balancer: Balancer;
  readonly #affinity: Affinity | undefined;
  readonly #ejector: Ejector | undefined;
  readonly #monitor: HealthMonitor | undefined;
  readonly #slowStart: SlowStart;
  readonly #line: WaitingLine;
  readonly #silence: Silence = new Silence();
  /** Removed servers that still finish something, and who waits for that. */
  readonly #leaving: Map<Server, () => void> = new Map();
  #servers: readonly Server[] = [];
  #keys: ReadonlyMap<string, Server> = new Map();
  /** Who may get requests; made anew only when a server's state changes. */
  #available: readonly Server[] = [];
  /** Some server takes a limited number of requests at a time. */
  #limited = false;
  #arriving: Promise<void> | undefined;
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
    this.#open = open;
    this.#balancer = createBalancer(options.balance);
    this.#affinity = options.sticky === undefined ? undefined : new Affinity(options.sticky, name);
    this.#slowStart = new SlowStart(options.slowStart);
    this.#line = new WaitingLine(options.connections.queue, options.connections.queueTimeout);
    if (options.ejection !== undefined)
      this.#ejector = new Ejector(options.ejection, this.#watcher());
    if (options.healthCheck !== undefined)
      this.#monitor = new HealthMonitor(options.healthCheck, {
        checked: (server, finding) => {
          if (finding.well) this.#ejector?.vouch(server, finding.begun);
          if (!finding.changed) return;
          if (finding.well) this.#slowStart.begin(server);
          publish('sekisho:health', {
            upstream: name,
            server: server.name,
            state: finding.well ? 'up' : 'down',
            reason: finding.reason,
          });
          this.#refresh();
        },
      });
    this.#replace(definitions, { initial: true, keepDraining: false });
  }

  /** In the order of definition; another array after each change. */
  get servers(): readonly Server[] {
    return this.#servers;
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
    if (this.#arriving !== undefined && this.#servers.length === 0)
      return this.#afterArrival(req, tried, cancel);
    // Nobody overtakes those who wait, but where they may wait for one server only (sticky) others need not.
    const server =
      this.#line.length === 0 || this.#affinity !== undefined ? this.#take(req, tried) : undefined;
    if (server !== undefined) return server;
    return this.#line.wait(() => this.#take(req, tried), cancel, this.#retryAfter());
  }

  /** The attempt is over, whatever its end: frees the place. */
  release(server: Server): void {
    server.inflight--;
    if (server.inflight === 0) {
      this.#silence.idle(server);
      this.#leaving.get(server)?.();
    }
    if (this.#line.length > 0) this.#line.wake();
  }

  /** What the attempt showed, before its `release`. An answer may be followed by the failure of its body. */
  report(server: Server, result: AttemptResult): void {
    const now = clock.monotonic();
    const onProbation = server.probation;
    // Judged first: an answer ends the silence that a timeout is judged by.
    this.#ejector?.observe(server, result, now);
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
    return this.#servers.some(reachable)
      ? error
      : this.#noServer('no server can be reached', error);
  }

  /** A `Set-Cookie` value for the answer, when clients are bound to servers and this one is not yet to this. */
  stickyCookie(req: Request, server: Server): string | undefined {
    if (this.#affinity === undefined || this.#affinity.find(req, this.#servers) === server)
      return undefined;
    return this.#affinity.setCookie(req, server);
  }

  /** The server with this key, see `serverKey`. */
  find(key: string): Server | undefined {
    return this.#keys.get(key);
  }

  /**
   * Makes these the servers, all or nothing. Those that were there keep their state and connections, new
   * ones are opened, the others finish what they have. A draining server that is named is back.
   */
  replace(
    definitions: readonly ServerDefinition[],
    { keepDraining = false }: { keepDraining?: boolean } = {},
  ): void {
    this.#replace(definitions, { initial: false, keepDraining });
  }

  /** How many requests at a time a server defined so gets. */
  limitOf(definition: ServerDefinition): number {
    return definition.maxConnections === Infinity
      ? this.options.connections.perServer
      : definition.maxConnections;
  }

  /** Gives the server nothing new; resolves when it has finished what it has. */
  drain(server: Server): Promise<void> {
    server.draining = true;
    this.#refresh();
    return this.#idle(server);
  }

  /** Ends the draining of a server that is still there. */
  resume(server: Server): void {
    server.draining = false;
    this.#refresh();
  }

  /** Requests wait for this (the first answer of a discovery) as long as there is no server. */
  expect(arrival: Promise<void>): void {
    const settled = arrival.finally(() => {
      if (this.#arriving === settled) this.#arriving = undefined;
    });
    settled.catch(() => undefined);
    this.#arriving = settled;
  }

  /** Takes no new requests; resolves when those in flight have ended and the connections are closed. */
  async close(): Promise<void> {
    this.#stop();
    await Promise.all(
      this.#servers.map(async (server) => {
        await this.#idle(server);
        await server.transport.close();
      }),
    );
  }

  /** Closes every connection at once; requests in flight fail. */
  destroy(): void {
    this.#stop();
    for (const server of [...this.#servers, ...this.#leaving.keys()]) server.transport.destroy();
  }

  #take(req: Request, tried: readonly Server[]): Server | undefined {
    if (this.#closed) throw new ProxyError('ERR_SEKISHO_SHUTTING_DOWN', { detail: this.name });
    const bound = this.#affinity === undefined ? undefined : this.#bound(req, tried);
    const server = bound ?? this.#choose(req, tried);
    if (server === undefined || (this.#limited && server.full)) return undefined;
    server.inflight++;
    this.#silence.asked(server, clock.monotonic());
    return server;
  }

  /** The server the client is bound to, when it is to be that one. */
  #bound(req: Request, tried: readonly Server[]): Server | undefined {
    const bound = this.#affinity?.find(req, this.#servers);
    if (bound === undefined || bound === 'unknown-cookie') return undefined;
    if (this.#available.includes(bound) && !tried.includes(bound)) return bound;
    if (this.#affinity?.onFailure === 'reject')
      throw new ProxyError('ERR_SEKISHO_STICKY_LOST', {
        headers: this.#retryAfter(),
        server: bound.name,
        detail: `${bound.name} is ${bound.state}`,
      });
    return undefined;
  }

  /** @returns undefined when all that could take it are full */
  #choose(req: Request, tried: readonly Server[]): Server | undefined {
    let candidates = tried.length === 0 ? this.#available : this.#untried(tried);
    if (candidates.length === 0) throw this.#noServer('no server is usable');
    if (this.#limited) {
      candidates = candidates.filter((server) => !server.full);
      if (candidates.length === 0) {
        // Nobody can be reached and all that can be tried is being tried: no use to wait.
        if (this.#available.every((server) => server.ejected === 'unreachable'))
          throw this.#noServer('no server can be reached');
        return undefined;
      }
    }
    const server = this.#balancer.pick(candidates, req);
    if (!this.#silence.mightSuspect(server)) return server;
    return this.#avoidSilent(server, candidates, req);
  }

  #avoidSilent(server: Server, candidates: readonly Server[], req: Request): Server {
    const now = clock.monotonic();
    if (!this.#silence.suspects(server, now)) return server;
    const others = candidates.filter((other) => !this.#silence.suspects(other, now));
    return others.length === 0 ? server : this.#balancer.pick(others, req);
  }

  /** Another server than those tried; when there is none a backup; when there is none the tried ones again, if they are of any use. */
  #untried(tried: readonly Server[]): readonly Server[] {
    const others = this.#available.filter((server) => !tried.includes(server));
    if (others.length > 0) return others;
    const backups = this.#servers.filter(
      (server) => server.backup && reachable(server) && !tried.includes(server),
    );
    return backups.length > 0 ? backups : this.#available.filter(reachable);
  }

  async #afterArrival(
    req: Request,
    tried: readonly Server[],
    cancel: Cancel | undefined,
  ): Promise<Server> {
    let stopTimer: (() => void) | undefined;
    const timeUp = new Promise<void>((resolve) => {
      stopTimer = clock.after(this.options.timeouts.connect, resolve);
    });
    await Promise.race([this.#arriving?.catch(() => undefined), timeUp]);
    stopTimer?.();
    if (cancel?.destroyed === true) throw new ProxyError('ERR_SEKISHO_CLIENT_ABORTED');
    if (this.#servers.length === 0) throw this.#noServer('no server has been found yet');
    return this.acquire(req, tried, cancel);
  }

  #replace(
    definitions: readonly ServerDefinition[],
    { initial, keepDraining }: { initial: boolean; keepDraining: boolean },
  ): void {
    const servers: Server[] = [];
    const opened: Server[] = [];
    try {
      for (const definition of definitions) {
        const known = this.#keys.get(serverKey(definition));
        const server =
          known ??
          new Server(
            { ...definition, maxConnections: this.limitOf(definition) },
            this.#open(definition),
          );
        if (known === undefined) opened.push(server);
        servers.push(server);
      }
    } catch (error) {
      for (const server of opened) server.transport.destroy();
      throw error;
    }
    // From here on nothing fails.
    const before = this.#servers;
    this.#servers = servers;
    this.#keys = new Map(
      servers.map((server, index) => [serverKey(definitions[index] ?? server), server]),
    );
    servers.forEach((server, index) => {
      const definition = definitions[index];
      if (definition === undefined || opened.includes(server)) return;
      server.weight = definition.weight;
      server.backup = definition.backup;
      server.maxConnections = this.limitOf(definition);
      if (!keepDraining) server.draining = false;
    });
    for (const server of before) if (!servers.includes(server)) this.#retire(server);
    for (const server of opened) {
      if (!initial) this.#slowStart.begin(server);
      this.#monitor?.watch(server);
    }
    this.#refresh();
    if (!initial)
      publish('sekisho:servers', {
        upstream: this.name,
        servers: servers.map((server) => server.name),
      });
  }

  #retire(server: Server): void {
    server.draining = true;
    this.#monitor?.unwatch(server);
    this.#ejector?.forget(server);
    this.#slowStart.cancel(server);
    // A transport that was destroyed meanwhile may refuse to close: nothing is left to do then.
    this.#idle(server)
      .then(() => server.transport.close())
      .catch(() => undefined);
  }

  /** Resolves when nothing is in flight. */
  #idle(server: Server): Promise<void> {
    if (server.inflight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#leaving.get(server);
      this.#leaving.set(server, () => {
        this.#leaving.delete(server);
        before?.();
        resolve();
      });
    });
  }

  #watcher(): ConstructorParameters<typeof Ejector>[1] {
    const changed = (): void => this.#refresh();
    const servers = (): readonly Server[] => this.#servers;
    return {
      name: this.name,
      get servers() {
        return servers();
      },
      ejected: (server) => {
        this.#slowStart.cancel(server);
        changed();
      },
      readmitted: (server) => {
        this.#slowStart.begin(server);
        changed();
      },
    };
  }

  #refresh(): void {
    this.#available = candidatesOf(this.#servers, this.options.panicThreshold);
    this.#limited = this.#servers.some(
      (server) => server.probation || server.maxConnections !== Infinity,
    );
    if (this.#line.length > 0) this.#line.wake();
  }

  #noServer(detail: string, cause?: unknown): ProxyError {
    return new ProxyError('ERR_SEKISHO_NO_SERVER', {
      headers: this.#retryAfter(),
      detail: `${this.name}: ${detail}`,
      cause,
    });
  }

  /** One health check later things may look better (RFC 9110 §10.2.3: whole seconds). */
  #retryAfter(): Readonly<Record<string, string>> {
    const interval = this.options.healthCheck?.interval ?? 1000;
    return { 'Retry-After': String(Math.max(1, Math.ceil(interval / 1000))) };
  }

  #stop(): void {
    this.#closed = true;
    this.#monitor?.close();
    this.#slowStart.close();
    for (const server of this.#servers) this.#ejector?.forget(server);
    this.#line.clear(new ProxyError('ERR_SEKISHO_SHUTTING_DOWN', { detail: this.name }));
  }
}
