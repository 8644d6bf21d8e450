import type { Dispatcher } from 'undici';

/** What the active health checks know of a server. `unknown` counts as usable until a check has said otherwise. */
export type HealthState = 'unknown' | 'up' | 'down';

/** What carries requests to one server: our HTTP/1.1 client, or undici for HTTP/2. */
export interface Transport {
  dispatch: Dispatcher['dispatch'];
  /** Lets requests in flight finish, then closes the connections. */
  close(): Promise<void>;
  /** Closes every connection at once; requests in flight fail. */
  destroy(): void;
}

/** What a user says of a server. */
export interface ServerDefinition {
  readonly url: URL;
  readonly weight: number;
  readonly backup: boolean;
  readonly maxConnections: number;
}

/**
 * One server of a pool, with everything the balancing reads. Only the pool and its watchers
 * (health, ejection, slow start) write the state; balancers only read.
 */
export class Server {
  readonly url: URL;
  /** `host:port`, or the path of a unix socket: how logs, metrics and events call it. */
  readonly name: string;
  readonly transport: Transport;
  weight: number;
  backup: boolean;
  maxConnections: number;

  /** Requests sent and not yet answered to the end. */
  inflight = 0;
  health: HealthState = 'unknown';
  ejected = false;
  /** Finishes what it has and gets nothing new. */
  draining = false;
  /** Slow start: the part of its weight a server that came back gets, 0 < share <= 1. */
  share = 1;
  /** Moving average of the milliseconds to the answer's head; undefined before the first. */
  latency: number | undefined;

  constructor(definition: ServerDefinition, transport: Transport) {
    this.url = definition.url;
    this.name = serverName(definition.url);
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
    return this.inflight >= this.maxConnections;
  }
}

export function serverName(url: URL): string {
  if (url.protocol === 'unix:') return `unix:${url.pathname}`;
  return url.port === '' ? `${url.hostname}:${url.protocol === 'https:' ? '443' : '80'}` : url.host;
}
