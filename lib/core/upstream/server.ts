import type { Dispatcher } from 'undici';
import { Evidence } from './evidence.ts';

/** What the active health checks know of a server. `unknown` counts as usable until a check has said otherwise. */
export type HealthState = 'unknown' | 'up' | 'down';

/**
 * Why a server is out. `unreachable`: no connection can be made, so nothing is lost by keeping away
 * from it. `failing` and `slow` are judgements of its answers, and those may be wrong.
 */
export type Ejection = 'unreachable' | 'failing' | 'slow';

/** A server's state in one word, as `upstream.servers` and the dashboard show it. */
export type ServerState = HealthState | 'ejected' | 'draining';

/** What carries requests to one server: our HTTP/1.1 client, or undici for HTTP/2. */
export interface Transport {
  dispatch: Dispatcher['dispatch'];
  /** How many connections there are; undefined where nobody knows (HTTP/2). */
  readonly connections?: number;
  /** Lets requests in flight finish, then closes the connections. */
  close(): Promise<void>;
  /** Closes every connection at once; requests in flight fail. */
  destroy(): void;
}

/** What a user, or a discovery, says of a server. */
export interface ServerDefinition {
  /** Where to connect to. Of a discovered server its hostname is an address. */
  readonly url: URL;
  readonly weight: number;
  readonly backup: boolean;
  readonly maxConnections: number;
  /** Of a discovered server: the `name:port` it is called by, for the Host field. @default that of the URL */
  readonly host?: string | undefined;
  /** Of a discovered server: the name its certificate is to be for. @default that of the URL */
  readonly servername?: string | undefined;
}

/**
 * One server of a pool, with everything the balancing reads. Only the pool and its watchers
 * (health, ejection, slow start) write the state; balancers only read.
 */
export class Server {
  readonly url: URL;
  /** `host:port`, or the path of a unix socket: how logs, metrics and events call it. */
  readonly name: string;
  /** The Host field that belongs to it; a discovered server is called by its name, not by its address. */
  readonly host: string;
  /** Goes in front of every path, without a slash at its end; empty for most. */
  readonly base: string;
  readonly origin: string;
  readonly transport: Transport;
  weight: number;
  backup: boolean;
  maxConnections: number;

  /** Requests sent and not yet answered to the end. */
  inflight = 0;
  health: HealthState = 'unknown';
  ejected: Ejection | undefined;
  /** Finishes what it has and gets nothing new. */
  draining = false;
  /** It came back from an ejection and has not yet answered: one request at a time. */
  probation = false;
  /** Slow start: the part of its weight a server that came back gets, 0 < share <= 1. */
  share = 1;
  /** Moving average of the milliseconds to the answer's head; undefined before the first. */
  latency: number | undefined;
  /** What its answers and failures have shown so far. */
  readonly evidence: Evidence = new Evidence();

  constructor(definition: ServerDefinition, transport: Transport) {
    this.url = definition.url;
    this.name = serverName(definition.url);
    this.host =
      definition.host ?? (definition.url.protocol === 'unix:' ? 'localhost' : definition.url.host);
    this.base =
      definition.url.protocol === 'unix:' ? '' : definition.url.pathname.replace(/\/$/, '');
    this.origin = definition.url.protocol === 'unix:' ? 'http://localhost' : definition.url.origin;
    this.weight = definition.weight;
    this.backup = definition.backup;
    this.maxConnections = definition.maxConnections;
    this.transport = transport;
  }

  /** What balancing goes by. */
  get effectiveWeight(): number {
    return this.weight * this.share;
  }

  get full(): boolean {
    return this.inflight >= (this.probation ? 1 : this.maxConnections);
  }

  get state(): ServerState {
    if (this.draining) return 'draining';
    if (this.health === 'down') return 'down';
    return this.ejected === undefined ? this.health : 'ejected';
  }
}

export function serverName(url: URL): string {
  if (url.protocol === 'unix:') return `unix:${url.pathname}`;
  return url.port === '' ? `${url.hostname}:${url.protocol === 'https:' ? '443' : '80'}` : url.host;
}

/** What tells two servers of a pool apart: the same address may serve several names. */
export function serverKey(definition: Pick<ServerDefinition, 'url' | 'host'>): string {
  return definition.host === undefined
    ? definition.url.href
    : `${definition.url.href} ${definition.host}`;
}
