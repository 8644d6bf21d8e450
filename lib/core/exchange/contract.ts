import type { Dispatcher } from 'undici';

type Controller = Dispatcher.DispatchController;
/** Header object of undici's contract, as handlers get it. */
export type HeaderObject = Record<string, string | string[] | undefined>;

/**
 * What a handler may understand beyond undici's contract. The client calls these in place of
 * `onResponseStart` … `onResponseEnd` when they are there; it saves the header object, and for small
 * answers the chunk objects.
 */
export interface DirectHandler extends Dispatcher.DispatchHandler {
  /** Interim (1xx) and final heads; fields are names and values in turn, as the server sent them. */
  onDirectStart(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
  ): void;
  /**
   * The whole of a small answer at once, body as latin1 text: nothing was called before and nothing will be
   * after. A handler without it gets the same in pieces.
   */
  onDirectWhole?(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void;
  /** The same for a body of any size in memory that is never changed, nor used again. */
  onDirectBuffer?(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: Buffer,
  ): void;
  /**
   * A piece of the body, in memory of the transport.
   *
   * @returns whether the transport may use that memory again: true only when nobody holds the piece any
   * more, or when the handler has paused the exchange and nobody will when it resumes it
   */
  onDirectData(controller: Controller, chunk: Buffer): boolean;
  onDirectEnd(controller: Controller, trailers: readonly string[]): void;
}

/** A handler of ours that can also be called by whoever knows only undici's contract: a wrapper, HTTP/2. */
export abstract class DirectListener implements DirectHandler {
  abstract onDirectStart(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
  ): void;
  abstract onDirectWhole(
    controller: Controller,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void;
  abstract onDirectData(controller: Controller, chunk: Buffer): boolean;
  abstract onDirectEnd(controller: Controller, trailers: readonly string[]): void;

  onResponseStart(
    controller: Controller,
    status: number,
    headers: HeaderObject,
    message?: string,
  ): void {
    this.onDirectStart(controller, status, fieldsOf(headers), message ?? '');
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.onDirectData(controller, chunk);
  }

  onResponseEnd(controller: Controller, trailers: HeaderObject): void {
    this.onDirectEnd(controller, fieldsOf(trailers));
  }
}

/** Gives a whole small answer at once, or in pieces to a handler that takes no other. */
export function giveWhole(
  handler: DirectHandler,
  controller: Controller,
  status: number,
  fields: readonly string[],
  message: string,
  body: string,
): void {
  if (handler.onDirectWhole !== undefined) {
    handler.onDirectWhole(controller, status, fields, message, body);
    return;
  }
  handler.onDirectStart(controller, status, fields, message);
  if (body !== '' && !controller.aborted)
    handler.onDirectData(controller, Buffer.from(body, 'latin1'));
  if (!controller.aborted) handler.onDirectEnd(controller, []);
}

/** Sees any handler as one that understands the direct calls. */
export function asDirect(handler: Dispatcher.DispatchHandler): DirectHandler {
  return 'onDirectStart' in handler ? (handler as DirectHandler) : new Translated(handler);
}

/** The other way round: tells a handler that knows only undici's contract. */
class Translated implements DirectHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly onRequestUpgrade?: NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>;

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler;
    if (handler.onRequestUpgrade !== undefined)
      this.onRequestUpgrade = (...call) => handler.onRequestUpgrade?.(...call);
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
    this.#handler.onResponseStart?.(controller, status, headerObject(fields), message);
  }

  onDirectData(controller: Controller, chunk: Buffer): boolean {
    this.#handler.onResponseData?.(controller, chunk);
    return false;
  }

  onDirectEnd(controller: Controller, trailers: readonly string[]): void {
    this.#handler.onResponseEnd?.(controller, headerObject(trailers));
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#handler.onResponseError?.(controller, error);
  }
}

/** The header object of undici's contract: lower-cased names, an array where a field is repeated. */
export function headerObject(fields: readonly string[]): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = Object.create(null) as never;
  for (let index = 0; index < fields.length; index += 2) {
    const name = (fields[index] as string).toLowerCase();
    const value = fields[index + 1] as string;
    const present = object[name];
    if (present === undefined) object[name] = value;
    else if (Array.isArray(present)) present.push(value);
    else object[name] = [present, value];
  }
  return object;
}

/** The other way round: names and values in turn. */
export function fieldsOf(headers: HeaderObject): string[] {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(headers))
    if (typeof value === 'string') fields.push(name, value);
    else for (const single of value ?? []) fields.push(name, single);
  return fields;
}
