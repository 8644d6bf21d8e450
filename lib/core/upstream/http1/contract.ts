import type { Dispatcher } from 'undici';

/**
 * What a handler may understand beyond undici's contract. The client calls these in place of
 * `onResponseStart` … `onResponseEnd` when they are there; it saves the header object, and for small
 * answers the chunk objects.
 */
export interface DirectHandler extends Dispatcher.DispatchHandler {
  /** Interim (1xx) and final heads; fields are names and values in turn, as the server sent them. */
  onDirectStart(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
  ): void;
  /** The whole answer at once: nothing was called before and nothing will be after. Body as latin1 text. */
  onDirectWhole(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void;
  /**
   * A piece of the body, in memory of the transport.
   *
   * @returns whether the transport may use that memory again: true only when nobody holds the piece any
   * more, or when the handler has paused the exchange and nobody will when it resumes it
   */
  onDirectData?(controller: Dispatcher.DispatchController, chunk: Buffer): boolean;
  onDirectEnd(controller: Dispatcher.DispatchController, trailers: readonly string[]): void;
}

export function isDirect(handler: Dispatcher.DispatchHandler): handler is DirectHandler {
  return 'onDirectStart' in handler;
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
