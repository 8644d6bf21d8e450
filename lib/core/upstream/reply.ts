import type { NextFunction, Request, Response } from 'express';
import { STATUS_CODES } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Context } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { answerFields, type AnswerFields } from '../http/answer-fields.ts';
import { forwardableTrailers } from '../http/fields.ts';
import type { DirectHandler } from './http1/contract.ts';
import { rawFields } from './http1/request-head.ts';
import type { RequestBody } from './request-body.ts';
import type { Transaction } from '../transaction.ts';
import { isUntouched, writesThrough, writeWhole } from './reply-head.ts';

/** The head of an answer as it is about to go to the client; hooks and options work on it. */
export interface AnswerDraft {
  status: number;
  message: string;
  fields: string[];
}

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
  /** Last changes to the head: `headers.response`, the sticky cookie, `on.response`. Undefined when there are none. */
  readonly adjust: ((draft: AnswerDraft) => void) | undefined;
  /** Hears of the failure first and passes it on. */
  readonly fail: (error: ProxyError) => void;
}

/** Values of these fields are added to what the app has set; of all others the app's own win. */
const addedUp: ReadonlySet<string> = new Set(['set-cookie', 'vary', 'link', 'server-timing']);

/**
 * Writes the answer of a server to the client: interim answers, head, body with backpressure, trailers.
 * A failure before the head goes to the error handlers of the app; after the head it destroys the
 * connection, so that a truncated answer never looks complete.
 */
export class Reply implements DirectHandler {
  readonly #order: ReplyOrder;
  #controller: Dispatcher.DispatchController | undefined;
  #started = false;
  #over = false;
  #handedOver = false;
  /** The server waits until the client has taken what was written. */
  #drains = false;
  readonly #closed = (): void => {
    this.#onClose();
  };
  /** Bytes the body has when its length was stated: a byte more or less and the client reads the next answer wrong. */
  #most = Infinity;
  /** Nothing of the app's is between the response and its socket. */
  #direct = false;
  #flushed: (() => void) | undefined;

  constructor(order: ReplyOrder) {
    this.#order = order;
    order.res.on('close', this.#closed);
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
    const answer = this.#prepare(status, fields, message);
    if (answer === undefined) return;
    this.#started = true;
    this.#writeHead(answer);
    const { res } = this.#order;
    this.#direct = writesThrough(res);
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
    if (this.#over) return;
    const answer = this.#prepare(status, fields, message);
    if (answer === undefined) return;
    const { req, res, context } = this.#order;
    context.transaction.bytesSent = body.length;
    if (isUntouched(res)) {
      const bodyless = req.method === 'HEAD' || res.statusCode === 304;
      const none = res.statusCode === 204;
      const length = none ? undefined : bodyless ? answer.length : String(body.length);
      // A hook may have made an answer with a body one that must not have any.
      writeWhole(req, res, answer.fields, length, none || bodyless ? '' : body);
    } else {
      this.#writeHead({ ...answer, length: answer.length ?? this.#lengthOf(body) });
      res.end(body, 'latin1');
    }
    this.#over = true;
    this.#settle();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    message?: string,
  ): void {
    this.onDirectStart(controller, status, rawFields(headers), message ?? '');
  }

  /**
   * Writes a piece at once, not with the end of the tick, to see whether the client's socket has taken
   * it: then its memory is free again, else the client is slower than the server and the server waits
   * until everything is taken.
   */
  onDirectData(controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    if (this.#over) return true;
    const { res, context } = this.#order;
    const socket = this.#direct ? res.socket : null;
    if (socket === null) {
      this.onResponseData(controller, chunk);
      return false;
    }
    context.transaction.bytesSent += chunk.length;
    socket.cork();
    const room = res.write(chunk, (this.#flushed ??= () => this.#onFlushed()));
    socket.uncork();
    if (res.writableLength === 0) return true;
    // Corked by others (Node does for the rest of the tick that sent the head): no sign of a slow client.
    if (room && socket.writableCorked > 0) return false;
    this.#hold(controller);
    return true;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    const { res, context } = this.#order;
    context.transaction.bytesSent += chunk.length;
    if (context.transaction.bytesSent > this.#most) {
      this.#misstated(controller);
      return;
    }
    if (res.write(chunk) || this.#drains) return;
    this.#hold(controller);
    res.once('drain', () => this.#release());
  }

  #hold(controller: Dispatcher.DispatchController): void {
    if (this.#drains) return;
    this.#drains = true;
    controller.pause();
  }

  #release(): void {
    this.#drains = false;
    this.#controller?.resume();
  }

  #onFlushed(): void {
    if (this.#drains && this.#order.res.writableLength === 0) this.#release();
  }

  onResponseEnd(
    controller: Dispatcher.DispatchController,
    trailers: Record<string, string | string[] | undefined>,
  ): void {
    this.onDirectEnd(controller, rawFields(trailers));
  }

  onDirectEnd(controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    if (this.#over) return;
    const { res, context } = this.#order;
    if (this.#most !== Infinity && context.transaction.bytesSent !== this.#most) {
      this.#misstated(controller);
      return;
    }
    this.#over = true;
    const kept = trailers.length === 0 ? [] : forwardableTrailers(trailers);
    if (kept.length > 0 && res.chunkedEncoding) {
      const pairs: [string, string][] = [];
      for (let index = 0; index < kept.length; index += 2)
        pairs.push([kept[index] as string, kept[index + 1] as string]);
      res.addTrailers(pairs);
    }
    res.end();
    this.#settle();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    const { res, context, fail } = this.#order;
    const known =
      error instanceof ProxyError ? error : new ProxyError('ERR_SEKISHO_HOOK', { cause: error });
    context.transaction.error = known.code;
    if (this.#started || res.headersSent) {
      context.transaction.end('upstream-aborted');
      cutOff(res);
    } else fail(known);
  }

  /**
   * Somebody else answers from here on, on the bare socket.
   *
   * @returns false when it is too late
   */
  protected handOver(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#handedOver = true;
    return true;
  }

  /** The client is gone, or everything is written. */
  #onClose(): void {
    if (this.#handedOver) return;
    const { res, context, body } = this.#order;
    const { transaction } = context;
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
  }

  /** Nobody wants what is left of the request's body; unread it would block the connection. */
  #settle(): void {
    const { req } = this.#order;
    if (this.#order.body !== undefined && !req.readableEnded) req.resume();
  }

  #interim(status: number, fields: readonly string[]): void {
    const { req, res, context } = this.#order;
    if (req.httpVersion === '1.0' || res.headersSent) return;
    if (status === 100) {
      if (context.awaitsContinue) {
        context.awaitsContinue = false;
        res.writeContinue();
      }
      return;
    }
    const { fields: passed } = answerFields(fields, undefined, undefined);
    writeInterim(res, status, passed);
  }

  /** @returns undefined when the answer does not go to the client */
  #prepare(status: number, fields: readonly string[], message: string): AnswerFields | undefined {
    const { res, next, context, via, fallthrough, adjust } = this.#order;
    if (fallthrough.has(status) && !res.headersSent) {
      this.#over = true;
      this.#controller?.abort(
        new ProxyError('ERR_SEKISHO_CLIENT_ABORTED', { detail: 'fallthrough' }),
      );
      res.off('close', this.#closed);
      endsWith(res, context.transaction);
      next();
      return undefined;
    }
    const { stripped } = context;
    const own = res.getHeaderNames();
    const has =
      stripped === undefined && own.length === 0
        ? undefined
        : (lower: string): boolean =>
            stripped?.has(lower) === true || (own.includes(lower) && !addedUp.has(lower));
    const answer = answerFields(fields, has, via);
    if (adjust === undefined) {
      res.statusCode = status;
      res.statusMessage = message;
      return answer;
    }
    const draft: AnswerDraft = { status, message, fields: answer.fields };
    try {
      adjust(draft);
    } catch (error) {
      this.onResponseError(undefined, error as Error);
      this.#controller?.abort(error as Error);
      return undefined;
    }
    res.statusCode = draft.status;
    res.statusMessage =
      draft.status === status ? message : (STATUS_CODES[draft.status] ?? String(draft.status));
    return { ...answer, fields: draft.fields };
  }

  /** By Node's public methods, so that whoever has put themselves in the way sees everything. */
  #writeHead(answer: AnswerFields): void {
    const { req, res } = this.#order;
    const { fields, length, trailer } = answer;
    for (let index = 0; index < fields.length; index += 2)
      res.appendHeader(fields[index] as string, fields[index + 1] as string);
    if (length !== undefined && res.statusCode !== 204) res.setHeader('Content-Length', length);
    else res.removeHeader('Content-Length');
    if (length === undefined && trailer !== undefined && req.httpVersion !== '1.0')
      res.setHeader('Trailer', trailer);
    res.writeHead(res.statusCode, res.statusMessage);
    const bodyless = req.method === 'HEAD' || res.statusCode === 204 || res.statusCode === 304;
    if (length !== undefined && !bodyless) this.#most = Number(length);
  }

  /** Only a wrapper can do so: the transport counts. */
  #misstated(controller: Dispatcher.DispatchController): void {
    const error = new ProxyError('ERR_SEKISHO_HOOK', {
      detail: 'a wrapper gave a body that has not the length it states',
    });
    this.onResponseError(undefined, error);
    controller.abort(error);
  }

  #lengthOf(body: string): string | undefined {
    const { req, res } = this.#order;
    return req.method === 'HEAD' || res.statusCode === 304 ? undefined : String(body.length);
  }
}

const nothing = Buffer.alloc(0);

/** Responses that were left to the next handler by one forwarder or several. */
const handedOver: WeakSet<Response> = new WeakSet();

/** Ends the record with the response, if nobody who knows more does. */
function endsWith(res: Response, transaction: Transaction): void {
  if (handedOver.has(res)) return;
  handedOver.add(res);
  res.once('close', () => {
    queueMicrotask(() => {
      if (transaction.outcome === undefined) transaction.status = res.statusCode;
      transaction.end(res.writableFinished ? 'completed' : 'client-aborted');
    });
  });
}

/** What logs show for a client that has left before there was an answer (nginx' word for it). */
const abortedStatus = 499;

/** Ends the client's connection so that nobody takes what it got for the whole. */
function cutOff(res: Response): void {
  const { socket } = res;
  // Without length and chunks the end of the connection is the end of the answer: only a reset is none.
  const untilClose = !res.chunkedEncoding && !res.hasHeader('content-length');
  if (untilClose && socket !== null && !('encrypted' in socket)) socket.resetAndDestroy();
  res.destroy();
}

/** Sends any 1xx. Node has a public method for that from 24 on; before, only early hints can be sent. */
function writeInterim(res: Response, status: number, fields: readonly string[]): void {
  const { writeInformation } = res as {
    writeInformation?: (status: number, headers: readonly string[]) => void;
  };
  try {
    if (writeInformation !== undefined) writeInformation.call(res, status, fields);
    else if (status === 103) {
      const link = fields.filter(
        (_, at) => fields[at - 1]?.toLowerCase() === 'link' && at % 2 === 1,
      );
      if (link.length > 0) res.writeEarlyHints({ link });
    }
  } catch {
    // Node judges the fields more strictly than the parser did: an interim answer may be left out.
  }
}
