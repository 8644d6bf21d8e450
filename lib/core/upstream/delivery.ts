import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { clock } from '../clock.ts';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { publish } from '../events.ts';
import { asDirect, type DirectHandler, type HeaderObject } from '../exchange/contract.ts';
import type { DeliveryOrder } from './delivery-order.ts';
import type { Pool } from './pool.ts';
import type { RequestBody } from './request-body.ts';
import { retriesFailure, retryPause } from './retries.ts';
import { Sending, type Sender } from './sending.ts';
import type { Server } from './server.ts';

/**
 * Gets one request answered by one of the pool's servers: chooses, sends, and tries another one when
 * that is safe. To the handler it looks like one dispatch with one controller; only the attempt
 * whose answer counts is told.
 */
export class Delivery implements Dispatcher.DispatchController, Sender {
  readonly #order: DeliveryOrder;
  readonly #options: Dispatcher.DispatchOptions;
  readonly #handler: DirectHandler;
  readonly tried: Server[] = [];
  #sending: Sending | undefined;
  #over = false;
  #stopTimers: (() => void)[] | undefined;
  answeredBy: Server | undefined;
  aborted = false;
  paused = false;
  reason: Error | null = null;

  constructor(
    order: DeliveryOrder,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ) {
    this.#order = order;
    this.#options = options;
    this.#handler = asDirect(handler);
  }

  get pool(): Pool {
    return this.#order.pool;
  }

  get method(): string {
    return this.#options.method;
  }

  get body(): RequestBody | undefined {
    return this.#order.body;
  }

  get rawHeaders(): NonNullable<Dispatcher.DispatchController['rawHeaders']> | null {
    return this.#sending?.controller?.rawHeaders ?? null;
  }

  get rawTrailers(): NonNullable<Dispatcher.DispatchController['rawTrailers']> | null {
    return this.#sending?.controller?.rawTrailers ?? null;
  }

  start(): void {
    const { pool } = this.#order;
    pool.budget.deposit();
    const { total } = pool.options.timeouts;
    if (total !== undefined)
      this.#later(total, () => {
        const error = new ProxyError('ERR_SEKISHO_TOTAL_TIMEOUT', {
          server: this.#sending?.server.name,
        });
        this.abort(error);
      });
    this.#handler.onRequestStart?.(this, null);
    this.#choose();
  }

  abort(reason: Error): void {
    if (this.#over) return;
    this.aborted = true;
    this.reason = reason;
    const sending = this.#sending;
    this.#fail(reason);
    sending?.controller?.abort(reason);
  }

  pause(): void {
    this.paused = true;
    this.#sending?.controller?.pause();
  }

  resume(): void {
    this.paused = false;
    this.#sending?.controller?.resume();
  }

  #choose(): void {
    if (this.#over) return;
    const { pool, req, res } = this.#order;
    try {
      const server = pool.acquire(req, this.tried, res);
      if (server instanceof Promise)
        server.then(
          (chosen) => {
            this.#send(chosen);
          },
          (error: unknown) => {
            this.#fail(error as Error);
          },
        );
      else this.#send(server);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #send(server: Server): void {
    const { pool, req, transaction, host, prepare } = this.#order;
    if (this.#over) {
      pool.release(server);
      return;
    }
    this.tried.push(server);
    const sending = new Sending(this, server, transaction);
    this.#sending = sending;
    try {
      const options = sending.address(this.#options, host);
      server.transport.dispatch(prepare?.(server, options, req) ?? options, sending);
    } catch (error) {
      // Transports tell their errors to the handler: what is thrown comes from a hook, or is a mistake.
      const known =
        error instanceof ProxyError ? error : new ProxyError('ERR_SEKISHO_HOOK', { cause: error });
      sending.onResponseError(undefined, known);
    }
  }

  onHead(status: number, fields: readonly string[], message: string): void {
    if (status === 407 && this.#proxied) {
      this.#onThrown(this.#notForClient());
      return;
    }
    if (status >= 200) this.#order.body?.settle();
    try {
      this.#handler.onDirectStart(this, status, fields, message);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  onWhole(status: number, fields: readonly string[], message: string, body: string): void {
    if (this.#handler.onDirectWhole === undefined) {
      this.onHead(status, fields, message);
      if (body !== '' && !this.#over) this.onData(Buffer.from(body, 'latin1'));
      if (!this.#over) this.onEnd([]);
      return;
    }
    if (status === 407 && this.#proxied) {
      this.#onThrown(this.#notForClient());
      return;
    }
    this.#finish();
    try {
      this.#handler.onDirectWhole(this, status, fields, message, body);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  onData(chunk: Buffer): boolean {
    try {
      return this.#handler.onDirectData(this, chunk);
    } catch (error) {
      this.#onThrown(error);
      return false;
    }
  }

  onEnd(trailers: readonly string[]): void {
    this.#finish();
    try {
      this.#handler.onDirectEnd(this, trailers);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  onUpgrade(sending: Sending, status: number, headers: HeaderObject, socket: Duplex): void {
    this.#over = true;
    this.#stop();
    sending.releaseWith(socket);
    this.#handler.onRequestUpgrade?.(this, status, headers, socket);
  }

  onDiscarded(status: number): void {
    this.#again(`status ${status}`);
  }

  onFailure(error: ProxyError, answering: boolean): void {
    if (!answering && retriesFailure(this, error)) this.#again(error.code);
    else this.#fail(answering ? error : this.#order.pool.outcome(error));
  }

  /** Another attempt, after the pause that `backoff` asks for. */
  #again(reason: string): void {
    const { pool } = this.#order;
    const sending = this.#sending;
    const server = sending?.server.name ?? '';
    if (sending !== undefined)
      (this.#order.transaction.givenUp ??= []).push({ server, reason, took: sending.age });
    this.#release();
    publish('sekisho:retry', {
      upstream: pool.name,
      server,
      attempt: this.tried.length,
      reason,
    });
    const pause = retryPause(this);
    if (pause === 0) this.#choose();
    else
      this.#later(pause, () => {
        this.#choose();
      });
  }

  #later(milliseconds: number, callback: () => void): void {
    (this.#stopTimers ??= []).push(clock.after(milliseconds, callback));
  }

  #release(): void {
    const sending = this.#sending;
    this.#sending = undefined;
    sending?.release();
  }

  #finish(): void {
    this.#over = true;
    this.#stop();
    this.#release();
  }

  #stop(): void {
    if (this.#stopTimers !== undefined) for (const stop of this.#stopTimers) stop();
  }

  get #proxied(): boolean {
    return contextOf(this.#order.req).proxied;
  }

  /**
   * A 407 is about the connection on which it comes (RFC 9110 §11.7.1): our client would take it for ours, and tell the
   * password it has for us to anybody.
   */
  #notForClient(): ProxyError {
    const server = this.#sending?.server.name;
    const detail = 'it wants credentials of a proxy (407)';
    return new ProxyError('ERR_SEKISHO_UPSTREAM_PROTOCOL', { server, detail });
  }

  /** A wrapper, or a function somebody has put into the response, threw: no fault of the server. */
  #onThrown(cause: unknown): void {
    const error =
      cause instanceof ProxyError ? cause : new ProxyError('ERR_SEKISHO_HOOK', { cause });
    const sending = this.#sending;
    if (!this.#over) this.#finish();
    sending?.controller?.abort(error);
    this.#handler.onResponseError?.(this, error);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#finish();
    this.#handler.onResponseError?.(this, error);
  }
}
