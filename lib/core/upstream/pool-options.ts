import { z } from 'zod';
import { count, duration, ratio, schemaOf, size, type Duration, type Size } from '../options.ts';
import { balanceField, type BalanceOption } from './balancing/index.ts';
import { discoverField, type DiscoverOptions } from './discover-options.ts';
import { ejectionField, type EjectionOptions } from './ejection-options.ts';
import { healthCheckField, type HealthCheckOptions } from './health-options.ts';
import { stickyField, type StickyOptions } from './sticky.ts';
import { durationFrom } from './time-limit.ts';
import { tlsField, type TlsOptions } from './tls-options.ts';

/** When a request is tried again, on another server. Never when it may have been executed and is not idempotent. */
export interface RetryOptions {
  /** How often a request is sent at most, the first time included; 1 is no retry. @default 2 */
  readonly attempts?: number | undefined;
  /** Retries as a part of requests, over the pool, so that retries cannot make an outage worse. @default 0.2 */
  readonly budget?: number | undefined;
  /** Answers of idempotent requests that are tried again, e.g. `[502, 503]`. @default none */
  readonly statuses?: readonly number[] | undefined;
  /** Pause before a retry; doubles with each further one, with jitter. @default none */
  readonly backoff?: Duration | undefined;
  /** A request body up to this size is kept, to send it again. @default '64kb' */
  readonly maxReplay?: Size | undefined;
}

export interface TimeoutOptions {
  /** Until a connection stands, TLS included. @default '2s' */
  readonly connect?: Duration | undefined;
  /** From the request's last byte until the answer's head. @default '30s' */
  readonly headers?: Duration | undefined;
  /** Without a byte of the answer's body, while the client is ready for more. @default '60s' */
  readonly idle?: Duration | undefined;
  /** Of the whole exchange, retries included. @default none */
  readonly total?: Duration | undefined;
}

export interface ConnectionOptions {
  /** Requests a server gets at a time, unless it has a `maxConnections` of its own. @default no limit */
  readonly perServer?: number | undefined;
  /** Requests that may wait when all servers are full; further ones get a 503 at once. @default 1024 */
  readonly queue?: number | undefined;
  /** How long one may wait, then it gets a 503. @default '5s' */
  readonly queueTimeout?: Duration | undefined;
}

/** What a pool of servers does, for `upstream()` and for every forwarder with servers of its own. */
export interface PoolOptions {
  /** How a server is chosen. @default 'power-of-two' */
  readonly balance?: BalanceOption | undefined;
  /** Asks each server regularly whether it is well; a string is the path to ask for. @default no active checks */
  readonly healthCheck?: string | HealthCheckOptions | undefined;
  /** Takes servers out by what their answers show; `false` never does. @default on, see EjectionOptions */
  readonly ejection?: boolean | EjectionOptions | undefined;
  /**
   * When ejection has left less than this part of the servers, its judgement is ignored: the fault is
   * more likely somewhere else (Envoy's panic threshold). Servers that cannot be reached, or that active
   * checks call down, stay out. 0 is never. @default 0.5
   */
  readonly panicThreshold?: number | undefined;
  /** How long the share of a server that came back or was added grows from a tenth to all. @default none */
  readonly slowStart?: Duration | undefined;
  /** Binds clients to servers by a cookie. @default off */
  readonly sticky?: boolean | StickyOptions | undefined;
  readonly retries?: RetryOptions | undefined;
  readonly timeouts?: TimeoutOptions | undefined;
  readonly connections?: ConnectionOptions | undefined;
  /** For `https:` servers. @default Node's authorities, verification on */
  readonly tls?: TlsOptions | undefined;
  /** Where the servers come from, in place of a fixed list, or beside it. @default the fixed list */
  readonly discover?: DiscoverOptions | undefined;
  /** Speaks HTTP/2 to `https:` servers that offer it. @default false */
  readonly http2?: boolean | undefined;
}

const retries = schemaOf<RetryOptions>()({
  attempts: count(1, 10).default(2),
  budget: ratio(0, 1).default(0.2),
  statuses: z.array(count(400, 599)).default([]),
  backoff: duration().default(0),
  maxReplay: size().default(64 * 1024),
}).prefault({});

const timeouts = schemaOf<TimeoutOptions>()({
  connect: durationFrom(1).default(2000),
  headers: durationFrom(1).default(30_000),
  idle: durationFrom(1).default(60_000),
  total: durationFrom(1).optional(),
}).prefault({});

const connections = schemaOf<ConnectionOptions>()({
  perServer: count(1).default(Infinity),
  queue: count(0, 1_000_000).default(1024),
  queueTimeout: durationFrom(1).default(5000),
}).prefault({});

/** To be spread into the schema of whatever has servers: `schemaOf<…>()({ …own, ...poolFields })`. */
export const poolFields = {
  balance: balanceField().default('power-of-two'),
  healthCheck: healthCheckField(),
  ejection: ejectionField(),
  panicThreshold: ratio(0, 1).default(0.5),
  slowStart: duration().default(0),
  sticky: z.union([z.literal(false).transform(() => undefined), stickyField()]).optional(),
  retries,
  timeouts,
  connections,
  tls: tlsField(),
  discover: discoverField(),
  http2: z.boolean().default(false),
};

export const poolSchema = schemaOf<PoolOptions>()(poolFields);

export type ParsedPoolOptions = z.output<typeof poolSchema>;

export type { DiscoverOptions, EjectionOptions, HealthCheckOptions, TlsOptions };
