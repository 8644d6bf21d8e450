import type { Request } from 'express';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { createBalancer, type Balancer } from './balancing/index.ts';
import { candidatesOf, reachable } from './candidates.ts';
import type { Membership } from './membership.ts';
import type { ParsedPoolOptions } from './pool-options.ts';
import type { Server } from './server.ts';
import type { Silence } from './silence.ts';
import { Affinity } from './sticky.ts';

/** What the choice needs of the pool around it. */
export interface ChooserHost {
  readonly name: string;
  readonly options: ParsedPoolOptions;
  readonly members: Membership;
  readonly silence: Silence;
}

/** Which server of a pool gets this request. */
export class Chooser {
  readonly #host: ChooserHost;
  readonly #balancer: Balancer;
  readonly #affinity: Affinity | undefined;
  /** Who may get requests; made anew only when a server's state changes. */
  #available: readonly Server[] = [];
  /** Some server takes a limited number of requests at a time. */
  #limited = false;

  constructor(host: ChooserHost) {
    const { balance, sticky } = host.options;
    this.#host = host;
    this.#balancer = createBalancer(balance);
    this.#affinity = sticky === undefined ? undefined : new Affinity(sticky, host.name);
  }

  /** Clients are bound to servers. */
  get sticky(): boolean {
    return this.#affinity !== undefined;
  }

  /** The state of some server has changed. */
  refresh(): void {
    const { members, options } = this.#host;
    this.#available = candidatesOf(members.servers, options.panicThreshold);
    this.#limited = members.servers.some(
      (server) => server.probation || server.maxConnections !== Infinity,
    );
  }

  /**
   * @returns undefined when all that could take it are full
   * @throws {ProxyError} ERR_SEKISHO_NO_SERVER or ERR_SEKISHO_STICKY_LOST
   */
  choose(req: Request, tried: readonly Server[]): Server | undefined {
    const bound = this.#affinity === undefined ? undefined : this.#bound(req, tried);
    const server = bound ?? this.#balanced(req, tried);
    return server === undefined || (this.#limited && server.full) ? undefined : server;
  }

  /** See `Pool.stickyCookie`. */
  cookie(req: Request, server: Server): string | undefined {
    if (this.#affinity === undefined) return undefined;
    return this.#affinity.find(req, this.#host.members.servers) === server
      ? undefined
      : this.#affinity.setCookie(req, server);
  }

  /** No server for a request, with what an operator wants to know of it. */
  nobody(detail: string, cause?: unknown): ProxyError {
    return new ProxyError('ERR_SEKISHO_NO_SERVER', {
      headers: this.retryAfter(),
      detail: `${this.#host.name}: ${detail}`,
      cause,
    });
  }

  /** One health check later things may look better (RFC 9110 §10.2.3: whole seconds). */
  retryAfter(): Readonly<Record<string, string>> {
    const interval = this.#host.options.healthCheck?.interval ?? 1000;
    return { 'Retry-After': String(Math.max(1, Math.ceil(interval / 1000))) };
  }

  /** The server the client is bound to, when it is to be that one. */
  #bound(req: Request, tried: readonly Server[]): Server | undefined {
    const bound = this.#affinity?.find(req, this.#host.members.servers);
    if (bound === undefined || bound === 'unknown-cookie') return undefined;
    if (this.#available.includes(bound) && !tried.includes(bound)) return bound;
    if (this.#affinity?.onFailure === 'reject')
      throw new ProxyError('ERR_SEKISHO_STICKY_LOST', {
        headers: this.retryAfter(),
        server: bound.name,
        detail: `${bound.name} is ${bound.state}`,
      });
    return undefined;
  }

  #balanced(req: Request, tried: readonly Server[]): Server | undefined {
    let candidates = tried.length === 0 ? this.#available : this.#untried(tried);
    if (candidates.length === 0) throw this.nobody('no server is usable');
    if (this.#limited) {
      candidates = candidates.filter((server) => !server.full);
      if (candidates.length === 0) {
        // Nobody can be reached and all that can be tried is being tried: no use to wait.
        if (this.#available.every((server) => server.ejected === 'unreachable'))
          throw this.nobody('no server can be reached');
        return undefined;
      }
    }
    const server = this.#balancer.pick(candidates, req);
    if (!this.#host.silence.mightSuspect(server)) return server;
    return this.#avoidSilent(server, candidates, req);
  }

  #avoidSilent(server: Server, candidates: readonly Server[], req: Request): Server {
    const { silence } = this.#host;
    const now = clock.monotonic();
    if (!silence.suspects(server, now)) return server;
    const others = candidates.filter((other) => !silence.suspects(other, now));
    return others.length === 0 ? server : this.#balancer.pick(others, req);
  }

  /** Another server than those tried; when there is none a backup; when there is none the tried ones again, if they are of any use. */
  #untried(tried: readonly Server[]): readonly Server[] {
    const others = this.#available.filter((server) => !tried.includes(server));
    if (others.length > 0) return others;
    const backups = this.#host.members.servers.filter(
      (server) => server.backup && reachable(server) && !tried.includes(server),
    );
    return backups.length > 0 ? backups : this.#available.filter(reachable);
  }
}
