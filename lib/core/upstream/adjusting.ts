import type { Dispatcher } from 'undici';
import { DirectListener, giveWhole, type DirectHandler } from '../exchange/contract.ts';
import { answerFields } from '../http/answer-fields.ts';
import type { AnswerDraft } from './reply-head.ts';

type Controller = Dispatcher.DispatchController;

/**
 * Stands between a server's answer and the innermost wrapper: `Via`, `headers.response` and `on.response` are part of the
 * answer that wrappers see, so that a cache's hit has what its miss had.
 */
export class Adjusting extends DirectListener {
  readonly #handler: DirectHandler;
  readonly #via: string | undefined;
  readonly #adjust: ((draft: AnswerDraft) => void) | undefined;
  readonly #applies: () => boolean;
  #over = false;

  /** @param applies false for an answer that is not of a server of the pool */
  constructor(
    handler: DirectHandler,
    via: string | undefined,
    adjust: ((draft: AnswerDraft) => void) | undefined,
    applies: () => boolean,
  ) {
    super();
    this.#applies = applies;
    this.#handler = handler;
    this.#via = via;
    this.#adjust = adjust;
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context);
  }

  onDirectStart(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    if (this.#over) return;
    if (status < 200 || !this.#applies())
      this.#handler.onDirectStart(controller, status, fields, message);
    else {
      const draft = this.#draft(controller, status, fields, message);
      if (draft !== undefined)
        this.#handler.onDirectStart(controller, draft.status, draft.fields, draft.message);
    }
  }

  onDirectWhole(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    if (this.#over) return;
    const draft = this.#draft(controller, status, fields, message);
    if (draft !== undefined)
      giveWhole(this.#handler, controller, draft.status, draft.fields, draft.message, body);
  }

  onDirectData(controller: Controller, chunk: Buffer): boolean {
    return this.#over || this.#handler.onDirectData(controller, chunk);
  }

  onDirectEnd(controller: Controller, trailers: readonly string[]): void {
    if (!this.#over) this.#handler.onDirectEnd(controller, trailers);
  }

  onResponseError(controller: Controller, error: Error): void {
    if (!this.#over) this.#handler.onResponseError?.(controller, error);
  }

  /** @returns undefined when a hook has failed, which ends the exchange */
  #draft(
    controller: Controller,
    status: number,
    given: readonly string[],
    message: string,
  ): AnswerDraft | undefined {
    if (!this.#applies()) return { status, message, fields: [...given] };
    const { fields, length, trailer } = answerFields(given, undefined, this.#via);
    const draft: AnswerDraft = { status, message, fields };
    try {
      this.#adjust?.(draft);
    } catch (error) {
      this.#over = true;
      this.#handler.onResponseError?.(controller, error as Error);
      controller.abort(error as Error);
      return undefined;
    }
    if (draft.status !== status) draft.message = '';
    if (length !== undefined) draft.fields.push('Content-Length', length);
    if (trailer !== undefined) draft.fields.push('Trailer', trailer);
    return draft;
  }
}
