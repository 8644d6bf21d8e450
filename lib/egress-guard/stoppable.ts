import type { Dispatcher } from 'undici';
import { DirectListener, type DirectHandler } from '../core/exchange/contract.ts';

type Controller = Dispatcher.DispatchController;

/** Hands an answer on as it comes, and keeps hold of what can end the exchange. */
export class Stoppable extends DirectListener {
  readonly #handler: DirectHandler;
  #controller: Controller | undefined;
  #over = false;

  constructor(handler: DirectHandler) {
    super();
    this.#handler = handler;
  }

  /** Ends the exchange, on both sides. */
  stop(error: Error): void {
    this.#controller?.abort(error);
    // Where it has not begun, or is over, there was nothing to abort.
    this.onResponseError(this.#controller as Controller, error);
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#controller = controller;
    this.#handler.onRequestStart?.(controller, context);
  }

  onDirectStart(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    this.#handler.onDirectStart(controller, status, fields, message);
  }

  onDirectWhole(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    if (this.#handler.onDirectWhole !== undefined) {
      this.#handler.onDirectWhole(controller, status, fields, message, body);
      return;
    }
    this.#handler.onDirectStart(controller, status, fields, message);
    if (body !== '') this.#handler.onDirectData(controller, Buffer.from(body, 'latin1'));
    this.#handler.onDirectEnd(controller, []);
  }

  onDirectData(controller: Controller, chunk: Buffer): boolean {
    return this.#handler.onDirectData(controller, chunk);
  }

  onDirectEnd(controller: Controller, trailers: readonly string[]): void {
    this.#handler.onDirectEnd(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.onResponseError?.(controller, error);
  }
}
