import type { Dispatcher } from 'undici';
import { ProxyError } from '../errors.ts';
import type { Http2Body } from './http2-body.ts';

type Handler = Dispatcher.DispatchHandler;
type Controller = Dispatcher.DispatchController;

/**
 * Puts right what undici (7.30) does with the trailers of an HTTP/2 answer: it knows them only in its controller,
 * and takes an answer for complete as soon as they are here, even when it was paused and has not given the rest of
 * the body. A truncated answer must not look complete, so that one is a failure.
 */
export class Http2Handler implements Handler {
  readonly #handler: Handler;
  readonly #server: string;
  readonly #body: Http2Body | undefined;
  readonly onRequestUpgrade?: NonNullable<Handler['onRequestUpgrade']>;

  /** @param body of the request, when it is a stream */
  constructor(handler: Handler, server: string, body: Http2Body | undefined) {
    this.#handler = handler;
    this.#server = server;
    this.#body = body;
    if (handler.onRequestUpgrade !== undefined)
      this.onRequestUpgrade = (...call) => handler.onRequestUpgrade?.(...call);
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
  }

  onResponseStart(...call: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    this.#handler.onResponseStart?.(...call);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(
    controller: Controller,
    trailers: Parameters<NonNullable<Handler['onResponseEnd']>>[1],
  ): void {
    const raw: unknown = controller.rawTrailers ?? [];
    // HTTP/1.1, which undici speaks where the server has no HTTP/2, has a list of bytes here.
    const known = Array.isArray(raw) ? trailers : (raw as typeof trailers);
    if (controller.paused && Object.keys(known).length > 0)
      this.#handler.onResponseError?.(
        controller,
        new ProxyError('ERR_SEKISHO_TRUNCATED', {
          server: this.#server,
          detail: 'trailers came while the client had not read the body',
        }),
      );
    else this.#handler.onResponseEnd?.(controller, known);
  }

  onResponseError(controller: Controller, error: Error): void {
    // Another attempt may want it at once.
    this.#body?.release();
    this.#handler.onResponseError?.(controller, error);
  }
}
