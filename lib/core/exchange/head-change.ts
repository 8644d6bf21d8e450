import type { Dispatcher } from 'undici';
import type { Interceptor } from '../context.ts';
import { asDirect, DirectListener, type DirectHandler } from './contract.ts';

export type ChangeHead = (status: number, fields: readonly string[]) => readonly string[];

/** Changes the fields of the final head, and nothing else. */
export function changeHead(change: ChangeHead): Interceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, new HeadChange(asDirect(handler), change));
}

/** Hands an answer on as it comes, with the fields of its final head changed. */
export class HeadChange extends DirectListener {
  readonly #handler: DirectHandler;
  readonly #change: ChangeHead;

  constructor(handler: DirectHandler, change: ChangeHead) {
    super();
    this.#handler = handler;
    this.#change = change;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
  }

  onDirectStart(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    const shown = status < 200 ? fields : this.#change(status, fields);
    this.#handler.onDirectStart(controller, status, shown, message);
  }

  onDirectWhole(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    const shown = this.#change(status, fields);
    if (this.#handler.onDirectWhole !== undefined) {
      this.#handler.onDirectWhole(controller, status, shown, message, body);
      return;
    }
    this.#handler.onDirectStart(controller, status, shown, message);
    if (body !== '') this.#handler.onDirectData(controller, Buffer.from(body, 'latin1'));
    this.#handler.onDirectEnd(controller, []);
  }

  onDirectData(controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    return this.#handler.onDirectData(controller, chunk);
  }

  onDirectEnd(controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    this.#handler.onDirectEnd(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.#handler.onResponseError?.(controller, error);
  }
}
