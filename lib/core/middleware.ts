import type { ErrorRequestHandler, RequestHandler } from 'express';

/** The four kinds of middleware; `audit()` reasons about the order of kinds. */
export type MiddlewareKind = 'observer' | 'gate' | 'wrapper' | 'forwarder';

/** Every middleware of the suite carries its kind and options under this symbol. */
export const middlewareTag: unique symbol = Symbol.for('sekisho.middleware') as never;

export interface MiddlewareInfo {
  readonly kind: MiddlewareKind;
  readonly name: string;
  readonly options?: unknown;
}

/** Tags a handler as one of the suite's, so `audit()` can recognise it in a chain. */
export function middleware<Handler extends RequestHandler | ErrorRequestHandler>(
  kind: MiddlewareKind,
  handler: Handler,
  options?: unknown,
): Handler {
  const info: MiddlewareInfo = { kind, name: handler.name, options };
  return Object.defineProperty(handler, middlewareTag, { value: info });
}
