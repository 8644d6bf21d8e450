import type { NextFunction, Request, Response } from 'express';
import type { Dispatcher } from 'undici';
import type { Context } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { answerFields } from '../http/answer-fields.ts';
import type { Transaction } from '../transaction.ts';
import { DirectListener } from '../exchange/contract.ts';
import { destroyVisibly } from '../exchange/destroy-visibly.ts';
import { clearForSite, noteSiteFields } from '../exchange/site-fields.ts';
import { ReplyBody } from './reply-body.ts';
import {
  draftHead,
  isUntouched,
  removeNamed,
  removeOverridden,
  statedLength,
  writeHead,
  writeInterim,
  writeWhole,
  type AnswerDraft,
  type AnswerHeadDraft,
} from './reply-head.ts';
import type { RequestBody } from './request-body.ts';

/** What a reply needs to know of the request it answers. */
export interface ReplyOrder {
  readonly req: Request;
  readonly res: Response;
  readonly next: NextFunction;
  readonly context: Context;
  readonly body: RequestBody | undefined;
  /** Our member of `Via`; undefined adds none. */
  readonly via: string | undefined;
  /** Statuses that are not sent but given to the next handler. */
  readonly fallthrough: ReadonlySet<number>;
  /** Whether the fields of the answer replace those on the response, in place of the other way round. */
  readonly overrides?: boolean;
  /** In lower case, what is taken from the response first. */
  readonly removes?: readonly string[] | undefined;
  /** Last changes to the head: `headers.response`, the sticky cookie, `on.response`. Undefined when there are none. */
  readonly adjust: ((draft: AnswerDraft) => void) | undefined;
  /** Hears of a failure before the head and passes it on. */
  fail(error: ProxyError): void;
}

/**
 * Writes the answer of a server to the client: interim answers, head, body with backpressure, trailers.
 * A failure before the head goes to the error handlers of the app; after the head it destroys the
 * connection, so that a truncated answer never looks complete.
 */
export class Reply extends DirectListener {
  readonly #order: ReplyOrder;
  #controller: Dispatcher.DispatchController | undefined;
  /** Once the head of an answer that is not whole has been written. */
  #body: ReplyBody | undefined;
  #over = false;

  constructor(order: ReplyOrder) {
    super();
    this.#order = order;
    order.context.transaction.kept = true;
    order.res.on('close', this.#onClose);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The client may have left while a gate was thinking.
    if (this.#order.res.destroyed) this.#onClose();
  }

  onDirectStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    if (this.#over) return;
    if (status < 200) {
      this.#interim(status, fields);
      return;
    }
    const head = this.#head(status, fields, message);
    if (head === undefined) return;
    const { req, res, context } = this.#order;
    writeHead(req, res, head);
    this.#body = new ReplyBody(res, context.transaction, statedLength(req, res, head));
    // The head goes out now, not with the first byte of the body: event streams may be silent for long.
    // An empty buffer makes Node write the head as latin1, which flushHeaders() does not.
    res.write(nothing);
  }

  onDirectWhole(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    this.#whole(status, fields, message, body);
  }

  onDirectBuffer(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: Buffer,
  ): void {
    this.#whole(status, fields, message, body);
  }

  #whole(status: number, fields: readonly string[], message: string, body: string | Buffer): void {
    if (this.#over) return;
    const head = this.#head(status, fields, message);
    if (head === undefined) return;
    const { req, res, context } = this.#order;
    context.transaction.bytesSent = body.length;
    if (isUntouched(res, head.own, listenersOf(context.transaction)))
      writeWhole(req, res, head, body);
    else {
      writeHead(req, res, { ...head, length: head.length ?? lengthOf(req, res, body) });
      if (typeof body === 'string') res.end(body, 'latin1');
      else res.end(body);
    }
    this.#finish();
  }

  onDirectData(controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    if (this.#over || this.#body === undefined) return true;
    try {
      return this.#body.write(controller, chunk);
    } catch (error) {
      this.#cutOff(error as Error);
      return true;
    }
  }

  onDirectEnd(_controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    if (this.#over) return;
    try {
      this.#body?.end(trailers);
      this.#finish();
    } catch (error) {
      this.#cutOff(error as Error);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    const { res, context } = this.#order;
    const known =
      error instanceof ProxyError ? error : new ProxyError('ERR_SEKISHO_HOOK', { cause: error });
    context.transaction.error = known.code;
    context.transaction.stage = known.stage;
    if (this.#body !== undefined || res.headersSent) {
      context.transaction.status = res.statusCode;
      context.transaction.end('upstream-aborted');
      // A wrapper outside may still have another answer.
      if (context.layers?.armed === true) res.destroy();
      else destroyVisibly(res, () => res.destroy());
    } else this.#order.fail(known);
  }

  /**
   * Somebody else answers from here on.
   *
   * @returns false when it is too late
   */
  handOver(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#order.context.transaction.kept = false;
    this.#order.res.off('close', this.#onClose);
    return true;
  }

  /** The client is gone, or everything is written. */
  readonly #onClose = (): void => {
    const { res, context, body } = this.#order;
    const { transaction } = context;
    if (context.layers?.armed === true && !res.closed) {
      // A wrapper outside has refused it: who answers in its place ends the record.
      this.#over = true;
      transaction.kept = false;
      this.#controller?.abort(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED'));
      return;
    }
    transaction.status = res.headersSent ? res.statusCode : abortedStatus;
    if (body !== undefined) transaction.bytesReceived = body.bytes;
    if (!this.#over) {
      this.#over = true;
      const gone = new ProxyError('ERR_SEKISHO_CLIENT_ABORTED');
      transaction.error = gone.code;
      transaction.end('client-aborted');
      this.#controller?.abort(gone);
    } else if (!res.writableFinished) transaction.end('client-aborted');
    else transaction.end(transaction.error === undefined ? 'completed' : 'failed');
  };

  #finish(): void {
    this.#over = true;
    const { req, body } = this.#order;
    // Nobody wants what is left of the request's body; unread it would block the connection.
    if (body !== undefined && !req.readableEnded) req.resume();
  }

  #cutOff(error: Error): void {
    this.onResponseError(undefined, error);
    this.#controller?.abort(error);
  }

  #interim(status: number, fields: readonly string[]): void {
    const { req, res, context } = this.#order;
    if (req.httpVersion === '1.0' || res.headersSent) return;
    if (status !== 100) {
      writeInterim(res, status, answerFields(fields, undefined, undefined).fields);
      return;
    }
    if (!context.awaitsContinue) return;
    context.awaitsContinue = false;
    res.writeContinue();
  }

  /** @returns undefined when this answer does not go to the client */
  #head(status: number, fields: readonly string[], message: string): AnswerHeadDraft | undefined {
    const { res, context, fallthrough } = this.#order;
    if (fallthrough.has(status) && !res.headersSent) {
      this.#fallThrough();
      return undefined;
    }
    try {
      if (this.#order.removes !== undefined) removeNamed(res, this.#order.removes);
      if (this.#order.overrides === true) removeOverridden(res, fields);
      clearForSite(res, context);
      const head = draftHead(res, context, { status, message, fields }, this.#order);
      noteSiteFields(context, head.fields);
      return head;
    } catch (error) {
      this.#cutOff(error as Error);
      return undefined;
    }
  }

  #fallThrough(): void {
    const { res, next, context } = this.#order;
    this.handOver();
    this.#controller?.abort(
      new ProxyError('ERR_SEKISHO_CLIENT_ABORTED', { detail: 'fallthrough' }),
    );
    endsWith(res, context.transaction);
    next();
  }
}

const nothing = Buffer.alloc(0);

/** How many wait for `close` without looking at the response: the reply itself, and an observer of the record. */
function listenersOf({ watch }: Transaction): number {
  return watch?.quiet === true ? 2 : 1;
}

/** What logs show for a client that has left before there was an answer (nginx' word for it). */
const abortedStatus = 499;

function lengthOf(req: Request, res: Response, body: string | Buffer): string | undefined {
  return req.method === 'HEAD' || res.statusCode === 304 ? undefined : String(body.length);
}

/** Responses that were left to the next handler by one forwarder or several. */
const leftToNext: WeakSet<Response> = new WeakSet();

/** Ends the record with the response, if nobody who knows more does. */
function endsWith(res: Response, transaction: Transaction): void {
  if (leftToNext.has(res)) return;
  leftToNext.add(res);
  res.once('close', () => {
    queueMicrotask(() => {
      if (transaction.outcome === undefined) transaction.status = res.statusCode;
      transaction.end(res.writableFinished ? 'completed' : 'client-aborted');
    });
  });
}
