import type { Dispatcher } from 'undici';
import { PassingOn } from '../core/exchange/passing-on.ts';

type Controller = Dispatcher.DispatchController;

/** Hands an answer on as it comes, and keeps hold of what can end the exchange. */
export class Stoppable extends PassingOn {
  #controller: Controller | undefined;
  #over = false;

  /** Ends the exchange, on both sides. */
  stop(error: Error): void {
    this.#controller?.abort(error);
    // Where it has not begun, or is over, there was nothing to abort.
    this.onResponseError(this.#controller as Controller, error);
  }

  override onRequestStart(controller: Controller, context: unknown): void {
    this.#controller = controller;
    super.onRequestStart(controller, context);
  }

  override onResponseError(controller: Controller, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    super.onResponseError(controller, error);
  }
}
