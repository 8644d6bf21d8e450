import type { Dispatcher } from 'undici';
import { DirectListener, giveWhole, type DirectHandler } from './contract.ts';

type Controller = Dispatcher.DispatchController;

/** Hands an answer on as it comes: what wrappers are made of that change, or look at, a part of it. */
export abstract class PassingOn extends DirectListener {
  protected readonly handler: DirectHandler;

  constructor(handler: DirectHandler) {
    super();
    this.handler = handler;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.handler.onRequestStart?.(controller, context);
  }

  onDirectStart(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    this.handler.onDirectStart(controller, status, fields, message);
  }

  onDirectWhole(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    giveWhole(this.handler, controller, status, fields, message, body);
  }

  onDirectData(controller: Controller, chunk: Buffer): boolean {
    return this.handler.onDirectData(controller, chunk);
  }

  onDirectEnd(controller: Controller, trailers: readonly string[]): void {
    this.handler.onDirectEnd(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    this.handler.onResponseError?.(controller, error);
  }
}
