import type { Dispatcher } from 'undici';
import { DirectListener, giveWhole, type DirectHandler } from '../exchange/contract.ts';
import { ProxyError } from '../errors.ts';

type Controller = Dispatcher.DispatchController;

/**
 * The handler outside of all wrappers, when the answer may come from the next handler of the chain in place of
 * a server: that one is written by somebody else.
 */
export class FinalHandler extends DirectListener {
  #writer: DirectListener & Dispatcher.DispatchHandler;
  #controller: Controller | undefined;

  constructor(writer: DirectListener) {
    super();
    this.#writer = writer;
  }

  turnTo(writer: DirectListener & Dispatcher.DispatchHandler): void {
    this.#writer = writer;
    if (this.#controller !== undefined) writer.onRequestStart?.(this.#controller, null);
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    this.#writer.onRequestStart?.(controller, null);
  }

  onDirectStart(...call: Parameters<DirectListener['onDirectStart']>): void {
    this.#writer.onDirectStart(...call);
  }

  onDirectWhole(...call: Parameters<DirectListener['onDirectWhole']>): void {
    this.#writer.onDirectWhole(...call);
  }

  onDirectData(controller: Controller, chunk: Buffer): boolean {
    return this.#writer.onDirectData(controller, chunk);
  }

  onDirectEnd(controller: Controller, trailers: readonly string[]): void {
    this.#writer.onDirectEnd(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#writer.onResponseError?.(controller, error);
  }
}

/**
 * Stands between a delivery and the innermost wrapper: an answer that falls through is not theirs to see. The exchange
 * goes on with what the next handler answers, and looks like one to them, with one controller.
 */
export class FallThrough extends DirectListener implements Dispatcher.DispatchController {
  readonly #handler: DirectHandler;
  readonly #falls: (status: number) => boolean;
  readonly #goOn: (source: FallThrough) => void;
  #source: Controller | undefined;
  #fallen = false;

  /**
   * @param falls whether an answer of this status is not handed on
   * @param goOn has the next handler answer, to this handler
   */
  constructor(
    handler: DirectHandler,
    falls: (status: number) => boolean,
    goOn: (source: FallThrough) => void,
  ) {
    super();
    this.#handler = handler;
    this.#falls = falls;
    this.#goOn = goOn;
  }

  get aborted(): boolean {
    return this.#source?.aborted === true;
  }

  get paused(): boolean {
    return this.#source?.paused === true;
  }

  get reason(): Error | null {
    return this.#source?.reason ?? null;
  }

  get rawHeaders(): NonNullable<Controller['rawHeaders']> | null {
    return this.#source?.rawHeaders ?? null;
  }

  get rawTrailers(): NonNullable<Controller['rawTrailers']> | null {
    return this.#source?.rawTrailers ?? null;
  }

  abort(reason: Error): void {
    this.#source?.abort(reason);
  }

  pause(): void {
    this.#source?.pause();
  }

  resume(): void {
    this.#source?.resume();
  }

  onRequestStart(controller: Controller): void {
    const before = this.#source;
    this.#source = controller;
    if (before === undefined) this.#handler.onRequestStart?.(this, null);
    else if (before.paused) controller.pause();
  }

  onDirectStart(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    if (this.#ignores(controller)) return;
    if (this.#falls(status)) this.#fall(controller);
    else this.#handler.onDirectStart(this, status, fields, message);
  }

  onDirectWhole(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    if (this.#ignores(controller)) return;
    if (this.#falls(status)) this.#fall(controller);
    else giveWhole(this.#handler, this, status, fields, message, body);
  }

  onDirectData(controller: Controller, chunk: Buffer): boolean {
    return this.#ignores(controller) || this.#handler.onDirectData(this, chunk);
  }

  onDirectEnd(controller: Controller, trailers: readonly string[]): void {
    if (!this.#ignores(controller)) this.#handler.onDirectEnd(this, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    if (!this.#ignores(controller)) this.#handler.onResponseError?.(this, error);
  }

  /** What the server still says after its answer has fallen through. */
  #ignores(controller: Controller | undefined): boolean {
    return this.#fallen && controller !== this.#source;
  }

  #fall(controller: Controller): void {
    this.#fallen = true;
    this.#source = undefined;
    controller.abort(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED', { detail: 'fallthrough' }));
    this.#source = controller;
    this.#goOn(this);
  }
}
