import type { Request } from 'express';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { DirectListener, type HeaderObject } from '../exchange/contract.ts';
import type { AttemptTrace, Transaction } from '../transaction.ts';
import { rawFields } from './http1/request-head.ts';
import { retriesAnswer, type TriedRequest } from './retries.ts';
import type { Server } from './server.ts';
import { transportFailure } from './transport.ts';

/** Last changes to a request for the chosen server. */
export type Prepare = (
  server: Server,
  request: Dispatcher.DispatchOptions,
  req: Request,
) => Dispatcher.DispatchOptions;

/** The delivery that attempts are made for; told only what counts of an attempt, and nothing after its release. */
export interface Sender extends TriedRequest {
  readonly paused: boolean;
  /** The server that has answered last. */
  answeredBy: Server | undefined;
  /** A head that goes on; after a final one there is no other attempt. */
  onHead(status: number, fields: readonly string[], message: string): void;
  onWhole(status: number, fields: readonly string[], message: string, body: string): void;
  onData(chunk: Buffer): boolean;
  onEnd(trailers: readonly string[]): void;
  onUpgrade(sending: Sending, status: number, headers: HeaderObject, socket: Duplex): void;
  /** The answer is thrown away: another server is to be asked. */
  onDiscarded(status: number): void;
  /** @param answering the head of its answer has gone on */
  onFailure(error: ProxyError, answering: boolean): void;
}

/**
 * One attempt with one server, which counts it in flight until it is released: what the transport tells of it
 * goes to the pool's books and, if it counts, to the delivery.
 */
export class Sending extends DirectListener {
  readonly server: Server;
  /** Of the transport, once it has taken the request. */
  controller: Dispatcher.DispatchController | undefined;
  readonly #sender: Sender;
  readonly #transaction: Transaction;
  readonly #sentAt: number;
  readonly #trace: AttemptTrace | undefined;
  /** The status of an answer that is thrown away in favour of another attempt. */
  #discarded: number | undefined;
  /** A final head has been handed on. */
  #answering = false;
  #over = false;

  constructor(sender: Sender, server: Server, transaction: Transaction) {
    super();
    this.server = server;
    this.#sender = sender;
    this.#transaction = transaction;
    this.#sentAt = clock.monotonic();
    transaction.server = server.name;
    transaction.attempts++;
    transaction.queued ??= this.#sentAt - transaction.startedMonotonic;
    this.#trace = transaction.trace?.attempt(server.name);
  }

  /** Milliseconds since it was sent. */
  get age(): number {
    return clock.monotonic() - this.#sentAt;
  }

  /** The request as this server gets it. */
  address(
    request: Dispatcher.DispatchOptions,
    host: string | undefined,
  ): Dispatcher.DispatchOptions {
    const { server } = this;
    const headers = withHost(rawFields(request.headers), host ?? server.host);
    if (this.#trace !== undefined) placeTrace(headers, this.#trace);
    return {
      ...request,
      origin: server.origin,
      path: request.path === '*' ? '*' : server.base + request.path,
      headers,
    };
  }

  /** Nothing more of it is told. */
  release(): void {
    this.#over = true;
    this.#trace?.end();
    this.#sender.pool.release(this.server);
  }

  /** The server counts as busy as long as this socket is open. */
  releaseWith(socket: Duplex): void {
    this.#over = true;
    if (socket.closed) this.release();
    else
      socket.once('close', () => {
        this.release();
      });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.#sender.paused) controller.pause();
  }

  onDirectStart(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    if (this.#silent) return;
    if (status >= 200) {
      this.#answered(status);
      if (retriesAnswer(this.#sender, status, fields)) {
        this.#discarded = status;
        controller.abort(new ProxyError('ERR_SEKISHO_UPSTREAM_RESET', { detail: 'discarded' }));
        return;
      }
      this.#answering = true;
    }
    this.#sender.onHead(status, fields, message);
  }

  onDirectWhole(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    if (this.#silent) return;
    this.#answered(status);
    if (retriesAnswer(this.#sender, status, fields)) this.#sender.onDiscarded(status);
    else this.#sender.onWhole(status, fields, message, body);
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: HeaderObject,
    socket: Duplex,
  ): void {
    if (this.#over) {
      socket.destroy();
      return;
    }
    this.#answered(status);
    this.#sender.onUpgrade(this, status, headers, socket);
  }

  onDirectData(_controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    return this.#silent || this.#sender.onData(chunk);
  }

  onDirectEnd(_controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    if (!this.#silent) this.#sender.onEnd(trailers);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, cause: Error): void {
    if (this.#over) return;
    if (this.#discarded !== undefined) {
      this.#sender.onDiscarded(this.#discarded);
      return;
    }
    const error = transportFailure(cause, this.server.url, this.#answering);
    this.#trace?.failed(error.code);
    this.#sender.pool.report(this.server, { kind: 'failure', error, reused: error.reused });
    this.#sender.onFailure(error, this.#answering);
  }

  get #silent(): boolean {
    return this.#over || this.#discarded !== undefined;
  }

  #answered(status: number): void {
    const now = clock.monotonic();
    this.#transaction.firstByte = now - this.#transaction.startedMonotonic;
    this.#transaction.connect = connectTimeOf(this.controller);
    this.#trace?.answered(status);
    this.#sender.answeredBy = this.server;
    const milliseconds = now - this.#sentAt;
    this.#sender.pool.report(this.server, { kind: 'answer', status, milliseconds }, now);
  }
}

/** A copy of the fields with this Host in front. */
function withHost(fields: readonly string[], host: string): string[] {
  const copy = fields.slice();
  // The forwarder's own fields begin with the client's Host; a wrapper may have made others.
  if (copy[0] === 'Host') copy[1] = host;
  else copy.unshift('Host', host);
  for (let index = copy.length - 2; index > 0; index -= 2)
    if (isHost(copy[index] as string)) copy.splice(index, 2);
  return copy;
}

/** The server's span is a child of this attempt's. */
function placeTrace(fields: string[], { traceparent, tracestate }: AttemptTrace): void {
  for (let index = fields.length - 2; index >= 0; index -= 2)
    if (traceFields.has((fields[index] as string).toLowerCase())) fields.splice(index, 2);
  fields.push('traceparent', traceparent);
  if (tracestate !== undefined) fields.push('tracestate', tracestate);
}

const traceFields: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

/** Only our own client knows it. */
function connectTimeOf(controller: Dispatcher.DispatchController | undefined): number | undefined {
  return (controller as { readonly connectTime?: number } | undefined)?.connectTime;
}

function isHost(name: string): boolean {
  return name.length === 4 && name.toLowerCase() === 'host';
}
