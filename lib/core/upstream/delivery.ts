import type { Request, Response } from 'express';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { publish } from '../events.ts';
import type { Transaction } from '../transaction.ts';
import {
  asDirect,
  DirectListener,
  type DirectHandler,
  type HeaderObject,
} from '../exchange/contract.ts';
import type { Pool } from './pool.ts';
import type { RequestBody } from './request-body.ts';
import { Sending, type Prepare } from './sending.ts';
import { retriesAnswer, retriesFailure, retryPause, type TriedRequest } from './retries.ts';
import type { Server } from './server.ts';

/** What a delivery works on. */
export interface DeliveryOrder {
  readonly pool: Pool;
  readonly req: Request;
  readonly res: Response;
  readonly transaction: Transaction;
  /** The client's body, when it is sent on as it arrives. */
  readonly body: RequestBody | undefined;
  /** The Host to send; undefined is each server's own. */
  readonly host: string | undefined;
  /** Last changes for the chosen server, on a copy per attempt (`on.request`). */
  readonly prepare: Prepare | undefined;
}

/**
 * Gets one request answered by one of the pool's servers: chooses, sends, and tries another one when
 * that is safe. To the handler it looks like one dispatch with one controller; only the attempt
 * whose answer counts is told.
 */
export class Delivery
  extends DirectListener
  implements Dispatcher.DispatchController, TriedRequest
{
  readonly #order: DeliveryOrder;
  readonly #options: Dispatcher.DispatchOptions;
  readonly #handler: DirectHandler;
  readonly tried: Server[] = [];
  #sending: Sending | undefined;
  /** The answer of this attempt is thrown away in favour of another attempt. */
  #discarding = false;
  /** An answer's head has been handed on: no other attempt any more. */
  #answering = false;
  #over = false;
  #stopTimers: (() => void)[] | undefined;
  /** The server whose answer is handed on. */
  answeredBy: Server | undefined;
  aborted = false;
  paused = false;
  reason: Error | null = null;

  constructor(
    order: DeliveryOrder,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ) {
    super();
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
    this.#discarding = false;
    const sending = new Sending(pool, server, transaction);
    this.#sending = sending;
    try {
      const options = sending.address(this.#options, host);
      server.transport.dispatch(prepare?.(server, options, req) ?? options, this);
    } catch (error) {
      // Transports tell their errors to the handler: what is thrown comes from a hook, or is a mistake.
      const known =
        error instanceof ProxyError ? error : new ProxyError('ERR_SEKISHO_HOOK', { cause: error });
      this.onResponseError(undefined, known);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#sending !== undefined) this.#sending.controller = controller;
    if (this.paused) controller.pause();
  }

  onDirectStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    if (this.#over || this.#discarding) return;
    if (status >= 200) {
      this.#report(status);
      if (retriesAnswer(this, status, fields)) {
        this.#discarding = true;
        this.#sending?.controller?.abort(
          new ProxyError('ERR_SEKISHO_UPSTREAM_RESET', { detail: 'discarded' }),
        );
        return;
      }
    }
    this.#handOn(status, fields, message);
  }

  onDirectWhole(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    if (this.#over || this.#discarding) return;
    this.#report(status);
    if (retriesAnswer(this, status, fields)) {
      this.#again(`status ${status}`);
      return;
    }
    if (this.#handler.onDirectWhole === undefined) {
      this.#handOn(status, fields, message);
      if (body !== '') this.onDirectData(controller, Buffer.from(body, 'latin1'));
      this.onDirectEnd(controller, []);
      return;
    }
    this.#finish();
    try {
      this.#handler.onDirectWhole(this, status, fields, message, body);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: HeaderObject,
    socket: Duplex,
  ): void {
    const sending = this.#sending;
    if (this.#over || sending === undefined) {
      socket.destroy();
      return;
    }
    this.#report(status);
    this.#over = true;
    this.#stop();
    sending.releaseWith(socket);
    this.#handler.onRequestUpgrade?.(this, status, headers, socket);
  }

  onDirectData(_controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    if (this.#over || this.#discarding) return true;
    try {
      return this.#handler.onDirectData(this, chunk);
    } catch (error) {
      this.#onThrown(error);
      return false;
    }
  }

  onDirectEnd(_controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    if (this.#over || this.#discarding) return;
    this.#finish();
    try {
      this.#handler.onDirectEnd(this, trailers);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#over || this.#sending === undefined) return;
    if (this.#discarding) {
      this.#again('status');
      return;
    }
    const known = this.#sending.failed(error, this.#answering);
    if (!this.#answering && retriesFailure(this, known)) this.#again(known.code);
    else this.#fail(this.#answering ? known : this.#order.pool.outcome(known));
  }

  #report(status: number): void {
    this.answeredBy = this.#sending?.server;
    this.#sending?.answered(status);
  }

  /** A head of the answer that counts; after a final one there is no other attempt. */
  #handOn(status: number, fields: readonly string[], message: string): void {
    if (status >= 200) {
      this.#answering = true;
      this.#order.body?.settle();
    }
    try {
      this.#handler.onDirectStart(this, status, fields, message);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  /** Another attempt, after the pause that `backoff` asks for. */
  #again(reason: string): void {
    const { pool } = this.#order;
    const server = this.#sending?.server.name ?? '';
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
