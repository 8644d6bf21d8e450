import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import type { AnswerHead } from './answer-head.ts';
import type { Body } from './body.ts';
import { asDirect, headerObject, type DirectHandler } from '../../exchange/contract.ts';
import type { RequestHead } from './request-head.ts';

/** The connection an exchange is on, as far as the exchange needs to know it. */
export interface Carrier {
  abandon(): void;
  pause(): void;
  resume(): void;
}

export const idempotentMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'TRACE',
]);

/** Bodies up to this size that are here at once are handed on as one piece. */
export const maxWholeBytes: number = 16 * 1024;

/**
 * One request and its answer: undici's controller for the handler, and the only one that calls it.
 * After the end (answer complete, error, abort) nothing reaches the handler any more.
 */
export class Exchange implements Dispatcher.DispatchController {
  readonly method: string;
  readonly upgrading: boolean;
  readonly head: RequestHead;
  readonly body: Body;
  rawHeaders: string[] | null = null;
  rawTrailers: string[] | null = null;
  aborted = false;
  paused = false;
  reason: Error | null = null;
  /** Nothing more will be told to the handler. */
  ended = false;
  /** Has been sent again once, because a kept connection turned out to be closed. */
  resent = false;
  carrier: Carrier | undefined;
  /** Milliseconds the connection took that was opened for it; undefined on a kept one. */
  connectTime: number | undefined;
  #errorTold = false;
  readonly #handler: DirectHandler;

  constructor(
    options: Dispatcher.DispatchOptions,
    head: RequestHead,
    body: Body,
    handler: Dispatcher.DispatchHandler,
  ) {
    this.method = options.method;
    this.upgrading = typeof options.upgrade === 'string';
    this.head = head;
    this.body = body;
    this.#handler = asDirect(handler);
  }

  /** May be sent again without the server executing it twice (RFC 9110 §9.2.2), and whole. */
  get replayable(): boolean {
    return (
      idempotentMethods.has(this.method) && (this.body === undefined || Buffer.isBuffer(this.body))
    );
  }

  abort(reason: Error): void {
    if (this.ended) return;
    this.aborted = true;
    this.reason = reason;
    const { carrier } = this;
    this.fail(reason);
    carrier?.abandon();
  }

  pause(): void {
    if (this.paused || this.ended) return;
    this.paused = true;
    this.carrier?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.carrier?.resume();
  }

  start(): void {
    try {
      this.#handler.onRequestStart?.(this, null);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  /** Interim or final head. */
  respond(head: AnswerHead): void {
    if (this.ended) return;
    this.rawHeaders = head.fields;
    try {
      this.#handler.onDirectStart(this, head.status, head.fields, head.message);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  whole(head: AnswerHead, bytes: Buffer, start: number, end: number): void {
    if (this.ended) return;
    if (this.#handler.onDirectWhole !== undefined && end - start <= maxWholeBytes) {
      this.ended = true;
      this.rawHeaders = head.fields;
      const body = start === end ? '' : bytes.toString('latin1', start, end);
      try {
        this.#handler.onDirectWhole(this, head.status, head.fields, head.message, body);
      } catch (error) {
        this.#onThrown(error);
      }
      return;
    }
    this.respond(head);
    if (start < end) this.data(Buffer.from(bytes.subarray(start, end)));
    this.end([]);
  }

  /** @returns whether the memory of the piece is free again, when not paused */
  data(chunk: Buffer): boolean {
    if (this.ended) return true;
    try {
      return this.#handler.onDirectData(this, chunk);
    } catch (error) {
      this.#onThrown(error);
      return false;
    }
  }

  end(trailers: string[]): void {
    if (this.ended) return;
    this.ended = true;
    this.rawTrailers = trailers;
    try {
      this.#handler.onDirectEnd(this, trailers);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  upgrade(head: AnswerHead, socket: Socket): void {
    if (this.ended || this.#handler.onRequestUpgrade === undefined) {
      socket.destroy();
      this.fail(new TypeError('the handler takes no upgrades'));
      return;
    }
    this.ended = true;
    this.rawHeaders = head.fields;
    try {
      this.#handler.onRequestUpgrade(this, head.status, headerObject(head.fields), socket);
    } catch (error) {
      socket.destroy();
      this.#onThrown(error);
    }
  }

  fail(error: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.#tellError(error);
  }

  /** A handler that throws has given up the answer. As in undici it is told its own error; the server is not blamed. */
  #onThrown(error: unknown): void {
    const { carrier } = this;
    this.ended = true;
    this.#tellError(error as Error);
    carrier?.abandon();
  }

  #tellError(error: Error): void {
    if (this.#errorTold) return;
    this.#errorTold = true;
    try {
      this.#handler.onResponseError?.(this, error);
    } catch (thrown) {
      // Nobody is left to be told, and one bad handler must not end the process.
      process.emitWarning(thrown as Error);
    }
  }
}
