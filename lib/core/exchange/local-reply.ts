import type { Dispatcher } from 'undici';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { forwardableTrailers } from '../http/fields.ts';
import { AnswerFields } from './answer-fields.ts';
import { DirectListener } from './contract.ts';
import { destroyVisibly } from './destroy-visibly.ts';
import type { Layer } from './layer.ts';
import { fieldOf, hintsOf, pairs, sameFields } from './field-forms.ts';
import type { LocalExchange } from './local-exchange.ts';
import { noteSiteFields } from './site-fields.ts';

/**
 * Writes what the wrappers have made of a handler's answer to the response, by the methods that were there before them.
 * A failure before the head goes to the error handlers of the app, later it destroys the connection.
 */
export class LocalReply extends DirectListener {
  readonly #exchange: LocalExchange;
  readonly #layer: Layer;
  #controller: Dispatcher.DispatchController | undefined;
  /** A head has been written. */
  begun = false;
  /** Nothing more is written. */
  over = false;
  /** Set by a wrapper that has another answer: what that goes without of what was set outside. */
  removed: readonly string[] | undefined;
  #gone = false;
  #bodyless = false;
  #length: number | undefined;
  #bytes = 0;
  /** Waits until the client has taken what was written. */
  #held: Dispatcher.DispatchController | undefined;
  #listening = false;
  #destroyed: Error | undefined;

  constructor(exchange: LocalExchange) {
    super();
    this.#exchange = exchange;
    this.#layer = exchange.layer;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#gone) this.#leave();
  }

  onDirectStart(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    if (this.over || this.begun) return;
    this.#controller ??= controller;
    try {
      if (status >= 200) this.#writeHead(status, fields, message);
      else this.#outside(() => this.#interim(status, fields));
    } catch (error) {
      this.#cutOff(error as Error);
    }
  }

  onDirectWhole(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    this.onDirectStart(controller, status, fields, message);
    if (body !== '') this.onDirectData(controller, Buffer.from(body, 'latin1'));
    this.onDirectEnd(controller, []);
  }

  onDirectData(controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    if (this.over || !this.begun || this.#bodyless || chunk.length === 0) return false;
    this.#bytes += chunk.length;
    try {
      if (this.#length !== undefined && this.#bytes > this.#length) throw misstated();
      if (this.#outside(() => this.#layer.methods.call('write', chunk)) === false)
        this.#hold(controller);
    } catch (error) {
      this.#cutOff(error as Error);
    }
    return false;
  }

  onDirectEnd(_controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    if (this.over || !this.begun) return;
    try {
      if (this.#length !== undefined && this.#bytes !== this.#length) throw misstated();
      this.over = true;
      this.#outside(() => {
        // Those the handler has added are on the response as it has spelled them.
        if (!sameFields(trailers, this.#exchange.output.trailers))
          this.#layer.methods.call('addTrailers', pairs(forwardableTrailers(trailers)));
        this.#layer.methods.call('end');
      });
      this.#exchange.answered();
    } catch (error) {
      this.over = false;
      this.#cutOff(error as Error);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.over) return;
    this.over = true;
    const { res, methods } = this.#layer;
    if (error === this.#destroyed) {
      this.#outside(() => methods.call('destroy', error.cause));
      return;
    }
    const known =
      error instanceof ProxyError ? error : new ProxyError('ERR_SEKISHO_HOOK', { cause: error });
    contextOf(this.#layer.layers.req).transaction.error = known.code;
    if (this.begun) {
      this.#outside(() => {
        destroyVisibly(res, () => methods.call('destroy'));
      });
    } else if (!this.#gone) this.#giveUp(known);
  }

  /** What is there of the answer goes out now. */
  flush(): void {
    if (this.begun && !this.over && this.#bytes === 0)
      this.#outside(() => this.#layer.methods.call('flushHeaders'));
  }

  /** The handler has destroyed its response: so is the client's, if no wrapper has another answer. */
  destroyedBy(cause: Error | undefined): void {
    this.#destroyed = new ProxyError('ERR_SEKISHO_TRUNCATED', {
      cause,
      detail: 'a handler of the app destroyed its answer',
    });
    this.#exchange.fail(this.#destroyed);
  }

  /** The client is gone, or has everything. */
  closed(): void {
    this.#gone = true;
    this.#record();
    if (!this.over) this.#leave();
  }

  #leave(): void {
    if (this.#controller === undefined) return;
    this.over = true;
    this.#controller.abort(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED'));
  }

  #writeHead(status: number, fields: readonly string[], message: string): void {
    const { res, methods, fields: before } = this.#layer;
    const { head } = this.#exchange;
    // A wrapper may answer before the handler does.
    const own = head?.fields ?? new AnswerFields(res, before);
    this.#bodyless = res.req.method === 'HEAD' || status === 204 || status === 304;
    this.#outside(() => {
      if (this.removed === undefined) own.replace(res, methods, fields);
      else own.substitute(res, methods, fields, this.removed);
      if (status !== head?.status || message !== head.message) {
        res.statusCode = status;
        res.statusMessage = message === '' ? (undefined as never) : message;
      }
      const length = fieldOf(fields, 'content-length');
      if (length !== undefined && !this.#bodyless) this.#length = Number(length);
      this.#stateLength(own, length);
      noteSiteFields(contextOf(res.req), fields);
      methods.call('writeHead', res.statusCode);
      this.begun = true;
      if (this.#exchange.output.flushed) methods.call('flushHeaders');
    });
  }

  /** The length that Node would have stated by itself comes where Node puts it, when nobody is there to look at it. */
  #stateLength(own: AnswerFields, length: string | undefined): void {
    const { res, methods } = this.#layer;
    if (own.computedLength === undefined || length !== String(own.computedLength)) return;
    if (res.hasHeader('content-length')) return;
    const internals = res as { _contentLength?: number | null };
    if ('_contentLength' in res && methods.native) internals._contentLength = own.computedLength;
    else methods.call('setHeader', 'Content-Length', length);
  }

  #interim(status: number, fields: readonly string[]): void {
    const { methods, layers } = this.#layer;
    if (layers.req.httpVersion === '1.0') return;
    try {
      if (status === 103 && fieldOf(fields, 'link') !== undefined)
        methods.call('writeEarlyHints', hintsOf(fields));
      else if (status === 102) methods.call('writeProcessing');
      else if (methods.has('writeInformation')) methods.call('writeInformation', status, fields);
    } catch {
      // An interim answer may be left out.
    }
  }

  #hold(controller: Dispatcher.DispatchController): void {
    if (this.#held !== undefined) return;
    this.#held = controller;
    controller.pause();
    if (this.#listening) return;
    this.#listening = true;
    this.#layer.methods.call('on', 'drain', () => {
      const held = this.#held;
      this.#held = undefined;
      held?.resume();
    });
  }

  #cutOff(error: Error): void {
    this.#controller?.abort(error);
    this.onResponseError(undefined, error);
  }

  /** The error handlers of the app answer, to the client: the wrappers have had their say. */
  #giveUp(error: ProxyError): void {
    const { req, res } = this.#layer.layers;
    this.#exchange.fail(error);
    // What the handler still writes in this turn must not get between.
    setImmediate(() => {
      this.#layer.disarm();
      this.#layer.exchange = undefined;
      this.#layer.layers.mark();
      this.#exchange.head?.fields.withdraw(res, this.#layer.methods);
      res.statusCode = 200;
      res.statusMessage = undefined as never;
      contextOf(req).refused(error);
      const { next } = req as { next?: (error: unknown) => void };
      if (next !== undefined) next(error);
      else res.writeHead(error.status).end();
    });
  }

  /** Ends the record with the response, if nobody who knows more does. */
  #record(): void {
    const { res, layers } = this.#layer;
    const { transaction } = contextOf(layers.req);
    const { writableFinished, statusCode } = res;
    if (transaction.outcome !== undefined) return;
    transaction.status = this.begun ? statusCode : 499;
    transaction.bytesSent = this.#bytes;
    queueMicrotask(() => {
      transaction.end(
        !writableFinished
          ? transaction.error === undefined
            ? 'client-aborted'
            : 'upstream-aborted'
          : 'completed',
      );
    });
  }

  #outside<Result>(call: () => Result): Result {
    return this.#layer.layers.outside(this.#layer.depth, call);
  }
}

function misstated(): ProxyError {
  return new ProxyError('ERR_SEKISHO_HOOK', {
    detail: 'a wrapper gave a body that has not the length it states',
  });
}
