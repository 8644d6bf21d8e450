import type { Dispatcher } from 'undici';
import { clock } from '../../clock.ts';
import { ProxyError } from '../../errors.ts';
import { serverName, type Transport } from '../server.ts';
import { bodyOf } from './body.ts';
import type { ConnectionOwner, ConnectionTimeouts } from './connection-owner.ts';
import { Connection } from './connection.ts';
import { Exchange } from './exchange.ts';
import { ReceiveBuffer } from './receive-buffer.ts';
import { writeRequestHead } from './request-head.ts';
import { Dialer, type UpstreamTls } from './socket.ts';

export interface Http1ClientOptions {
  /** Milliseconds. */
  readonly timeouts: ConnectionTimeouts;
  readonly tls?: UpstreamTls | undefined;
}

/** Idle connections beyond this number are closed. */
const maxIdle = 512;

/**
 * HTTP/1.1 client of one server that implements undici's dispatch contract: keep-alive connections,
 * one request at a time on each (no pipelining), last used first. It opens as many as there are
 * requests; the pool above it bounds those.
 *
 * A request on a kept connection that the server had just closed is sent once more on a new one if
 * it is idempotent (RFC 9112 §9.3.1) and has no streamed body.
 */
export class Http1Client implements Transport, ConnectionOwner {
  readonly server: string;
  readonly timeouts: ConnectionTimeouts;
  readonly #dialer: Dialer;
  readonly #secure: boolean;
  readonly #all: Set<Connection> = new Set();
  readonly #idle: Connection[] = [];
  readonly #shared: Buffer = ReceiveBuffer.shared();
  #stopSweep: (() => void) | undefined;
  #closing: PromiseWithResolvers<void> | undefined;
  #destroyed = false;

  constructor(url: URL, { timeouts, tls }: Http1ClientOptions) {
    this.server = serverName(url);
    this.timeouts = timeouts;
    this.#dialer = new Dialer(url, tls);
    this.#secure = url.protocol === 'https:';
  }

  /** Open ones, those being opened and those at rest included. */
  get connections(): number {
    return this.#all.size;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    let exchange: Exchange;
    try {
      const body = bodyOf(options.body);
      const head = writeRequestHead(options, Buffer.isBuffer(body) ? body.length : undefined);
      exchange = new Exchange(options, head, body, handler);
    } catch (error) {
      // The contract tells errors to the handler, whoever's fault they are.
      new Exchange(options, undefined as never, undefined, handler).fail(error as Error);
      return true;
    }
    exchange.start();
    if (exchange.ended) return true;
    if (this.#destroyed || this.#closing !== undefined) {
      exchange.fail(this.#shutDown(true));
      return true;
    }
    const kept = exchange.upgrading ? undefined : this.#takeIdle();
    (kept ?? this.#open(exchange.upgrading)).send(exchange);
    return true;
  }

  close(): Promise<void> {
    this.#closing ??= Promise.withResolvers();
    for (const connection of this.#idle.splice(0)) connection.destroy();
    if (this.#all.size === 0) this.#closing.resolve();
    return this.#closing.promise;
  }

  destroy(): void {
    this.#destroyed = true;
    for (const connection of this.#all) connection.destroy(this.#shutDown(connection.connecting));
  }

  onIdle(connection: Connection): void {
    if (this.#closing !== undefined || this.#idle.length >= maxIdle) {
      connection.destroy();
      return;
    }
    connection.keepAlive.begin(clock.monotonic());
    this.#idle.push(connection);
  }

  onClosed(connection: Connection): void {
    this.#all.delete(connection);
    const index = this.#idle.lastIndexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    if (this.#all.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
    this.#closing?.resolve();
  }

  onStale(exchange: Exchange): boolean {
    if (exchange.resent || !exchange.replayable || this.#destroyed) return false;
    exchange.resent = true;
    this.#open(false).send(exchange);
    return true;
  }

  /** The connection used last, if its time has not run out since the last sweep. */
  #takeIdle(): Connection | undefined {
    if (this.#idle.length === 0) return undefined;
    const now = clock.monotonic();
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined || connection.usable(now)) return connection;
      connection.destroy();
    }
  }

  #shutDown(retryable: boolean): ProxyError {
    const { server } = this;
    return new ProxyError('ERR_SEKISHO_SHUTTING_DOWN', { server, retryable });
  }

  #open(upgrading: boolean): Connection {
    const receive = upgrading ? undefined : new ReceiveBuffer(this.#shared, !this.#secure);
    const connection = new Connection(this, this.#dialer, receive);
    this.#all.add(connection);
    this.#stopSweep ??= clock.every(this.#tick(), () => {
      this.#sweep();
    });
    return connection;
  }

  /** Fine enough for the shortest timeout to be kept within a tenth, coarse enough to cost nothing. */
  #tick(): number {
    const { connect, headers, idle } = this.timeouts;
    return Math.min(Math.max(Math.min(connect, headers, idle) / 10, 10), 1000);
  }

  #sweep(): void {
    const now = clock.monotonic();
    for (const connection of this.#all) connection.check(now);
  }
}
