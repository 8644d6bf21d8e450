import type { Request, Response } from 'express';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { publish } from '../events.ts';
import type { Transaction } from '../transaction.ts';
import { headerObject, isDirect, type DirectHandler } from './http1/contract.ts';
import { idempotentMethods } from './http1/exchange.ts';
import { rawFields } from './http1/request-head.ts';
import type { Pool } from './pool.ts';
import type { RequestBody } from './request-body.ts';
import type { Server } from './server.ts';
import { transportFailure } from './transport.ts';

/** Last changes to a request for the chosen server. */
export type Prepare = (
  server: Server,
  request: Dispatcher.DispatchOptions,
  req: Request,
) => Dispatcher.DispatchOptions;

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

/** Connect failures leave nothing behind, so a few more servers than `attempts` may be tried. */
const moreAfterConnectFailure = 3;

/**
 * Gets one request answered by one of the pool's servers: chooses, sends, and tries another one when
 * that is safe. To the handler it looks like one dispatch with one controller; only the attempt
 * whose answer counts is told.
 */
export class Delivery implements DirectHandler, Dispatcher.DispatchController {
  readonly #order: DeliveryOrder;
  readonly #options: Dispatcher.DispatchOptions;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #direct: DirectHandler | undefined;
  readonly #tried: Server[] = [];
  #server: Server | undefined;
  #attempt: Dispatcher.DispatchController | undefined;
  #sentAt = 0;
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
    this.#order = order;
    this.#options = options;
    this.#handler = handler;
    this.#direct = isDirect(handler) ? handler : undefined;
  }

  get rawHeaders(): NonNullable<Dispatcher.DispatchController['rawHeaders']> | null {
    return this.#attempt?.rawHeaders ?? null;
  }

  get rawTrailers(): NonNullable<Dispatcher.DispatchController['rawTrailers']> | null {
    return this.#attempt?.rawTrailers ?? null;
  }

  start(): void {
    const { pool } = this.#order;
    pool.budget.deposit();
    const { total } = pool.options.timeouts;
    if (total !== undefined)
      this.#later(total, () => {
        const error = new ProxyError('ERR_SEKISHO_TOTAL_TIMEOUT', { server: this.#server?.name });
        this.abort(error);
      });
    this.#handler.onRequestStart?.(this, null);
    this.#choose();
  }

  abort(reason: Error): void {
    if (this.#over) return;
    this.aborted = true;
    this.reason = reason;
    const attempt = this.#attempt;
    this.#fail(reason);
    attempt?.abort(reason);
  }

  pause(): void {
    this.paused = true;
    this.#attempt?.pause();
  }

  resume(): void {
    this.paused = false;
    this.#attempt?.resume();
  }

  #choose(): void {
    if (this.#over) return;
    const { pool, req, res } = this.#order;
    try {
      const server = pool.acquire(req, this.#tried, res);
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
    const { pool, transaction, host, prepare } = this.#order;
    if (this.#over) {
      pool.release(server);
      return;
    }
    this.#server = server;
    this.#tried.push(server);
    this.#discarding = false;
    transaction.server = server.name;
    transaction.attempts++;
    this.#sentAt = clock.monotonic();
    transaction.queued ??= this.#sentAt - transaction.startedMonotonic;
    try {
      const options: Dispatcher.DispatchOptions = {
        ...this.#options,
        origin: server.origin,
        path: this.#options.path === '*' ? '*' : server.base + this.#options.path,
        headers: withHost(rawFields(this.#options.headers), host ?? server.host),
      };
      server.transport.dispatch(prepare?.(server, options, this.#order.req) ?? options, this);
    } catch (error) {
      // Transports tell their errors to the handler: what is thrown comes from a hook, or is a mistake.
      const known =
        error instanceof ProxyError ? error : new ProxyError('ERR_SEKISHO_HOOK', { cause: error });
      this.onResponseError(undefined, known);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#attempt = controller;
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
      if (this.#triesAgain(status, fields)) {
        this.#discarding = true;
        this.#attempt?.abort(new ProxyError('ERR_SEKISHO_UPSTREAM_RESET', { detail: 'discarded' }));
        return;
      }
      this.#answering = true;
      this.#order.body?.settle();
    }
    try {
      if (this.#direct !== undefined) this.#direct.onDirectStart(this, status, fields, message);
      else this.#handler.onResponseStart?.(this, status, headerObject(fields), message);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  onDirectWhole(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    if (this.#over || this.#discarding) return;
    if (this.#direct === undefined) {
      this.onDirectStart(controller, status, fields, message);
      if (this.#discarding as boolean) {
        this.#again(`status ${status}`);
        return;
      }
      if (body !== '') this.onResponseData(controller, Buffer.from(body, 'latin1'));
      this.onDirectEnd(controller, []);
      return;
    }
    this.#report(status);
    if (this.#triesAgain(status, fields)) {
      this.#again(`status ${status}`);
      return;
    }
    this.#finish();
    try {
      this.#direct.onDirectWhole(this, status, fields, message, body);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  /** The server counts as busy with it as long as the socket is open. */
  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    socket: Duplex,
  ): void {
    const { pool } = this.#order;
    const server = this.#server as Server;
    if (this.#over) {
      socket.destroy();
      return;
    }
    this.#report(status);
    this.#over = true;
    this.#stop();
    if (socket.closed) pool.release(server);
    else socket.once('close', () => pool.release(server));
    this.#handler.onRequestUpgrade?.(this, status, headers, socket);
  }

  /** A transport with nothing but undici's contract. */
  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    message?: string,
  ): void {
    this.onDirectStart(controller, status, rawFields(headers), message ?? '');
  }

  onDirectData(_controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    if (this.#over || this.#discarding) return true;
    try {
      if (this.#direct?.onDirectData !== undefined) return this.#direct.onDirectData(this, chunk);
      this.#handler.onResponseData?.(this, chunk);
    } catch (error) {
      this.#onThrown(error);
    }
    return false;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.onDirectData(controller, chunk);
  }

  onResponseEnd(
    controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[] | undefined>,
  ): void {
    this.onDirectEnd(controller, rawFields(trailers));
  }

  onDirectEnd(_controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    if (this.#over || this.#discarding) return;
    this.#finish();
    try {
      if (this.#direct !== undefined) this.#direct.onDirectEnd(this, trailers);
      else this.#handler.onResponseEnd?.(this, headerObject(trailers));
    } catch (error) {
      this.#onThrown(error);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#over) return;
    const server = this.#server as Server;
    if (this.#discarding) {
      this.#again('status');
      return;
    }
    const known = transportFailure(error, server.url, this.#answering);
    this.#order.pool.report(server, { kind: 'failure', error: known, reused: known.reused });
    if (this.#mayRetry(known)) this.#again(known.code);
    else this.#fail(this.#answering ? known : this.#order.pool.outcome(known));
  }

  #report(status: number): void {
    const { pool, transaction } = this.#order;
    const now = clock.monotonic();
    transaction.firstByte = now - transaction.startedMonotonic;
    this.answeredBy = this.#server;
    pool.report(this.#server as Server, {
      kind: 'answer',
      status,
      milliseconds: now - this.#sentAt,
    });
  }

  /** An idempotent request whose answer is one of `retries.statuses` goes to another server. */
  #triesAgain(status: number, fields: readonly string[]): boolean {
    const { pool } = this.#order;
    if (status < 400 || !pool.options.retries.statuses.includes(status)) return false;
    // The server asked to be left alone for a while (RFC 9110 §10.2.3): only another one is asked.
    const leaveAlone = fields.some(
      (field, at) => at % 2 === 0 && field.toLowerCase() === 'retry-after',
    );
    if (leaveAlone && pool.servers.every((server) => this.#tried.includes(server))) return false;
    return this.#isRepeatable() && this.#hasAttempts() && pool.budget.withdraw();
  }

  #mayRetry(error: ProxyError): boolean {
    if (this.#answering || error.source === 'client') return false;
    const notSent = error.retryable;
    if (!notSent && !this.#isRepeatable()) return false;
    if (this.#order.body?.replayable === false) return false;
    const more = notSent ? Math.min(this.#order.pool.servers.length, moreAfterConnectFailure) : 0;
    return this.#hasAttempts(more) && this.#order.pool.budget.withdraw();
  }

  #isRepeatable(): boolean {
    return idempotentMethods.has(this.#options.method) && this.#order.body?.replayable !== false;
  }

  #hasAttempts(more = 0): boolean {
    const { attempts } = this.#order.pool.options.retries;
    return attempts > 1 && this.#tried.length < attempts + more;
  }

  /** Another attempt, after the pause that `backoff` asks for. */
  #again(reason: string): void {
    const { pool } = this.#order;
    const server = this.#server as Server;
    this.#release();
    publish('sekisho:retry', {
      upstream: pool.name,
      server: server.name,
      attempt: this.#tried.length,
      reason,
    });
    const { backoff } = pool.options.retries;
    if (backoff === 0) {
      this.#choose();
      return;
    }
    // Full jitter: clients that failed together do not come back together.
    const pause = backoff * 2 ** (this.#tried.length - 1) * clock.random();
    this.#later(pause, () => {
      this.#choose();
    });
  }

  #later(milliseconds: number, callback: () => void): void {
    (this.#stopTimers ??= []).push(clock.after(milliseconds, callback));
  }

  #release(): void {
    const server = this.#server;
    this.#server = undefined;
    this.#attempt = undefined;
    if (server !== undefined) this.#order.pool.release(server);
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
    const attempt = this.#attempt;
    if (!this.#over) this.#finish();
    attempt?.abort(error);
    this.#handler.onResponseError?.(this, error);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#finish();
    this.#handler.onResponseError?.(this, error);
  }
}

/** A copy of the fields with this Host in front. */
function withHost(fields: readonly string[], host: string): string[] {
  const copy = fields.slice();
  // The forwarder's own fields begin with the client's Host; a wrapper may have made others.
  if (copy[0] === 'Host') copy[1] = host;
  else copy.unshift('Host', host);
  for (let index = copy.length - 2; index > 0; index -= 2)
    if (copy[index]?.length === 4 && copy[index]?.toLowerCase() === 'host') copy.splice(index, 2);
  return copy;
}
