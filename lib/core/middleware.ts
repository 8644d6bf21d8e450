import type { ErrorRequestHandler, RequestHandler } from 'express';

/** The four kinds of middleware; `audit()` reasons about the order of kinds. */
export type MiddlewareKind = 'observer' | 'gate' | 'wrapper' | 'forwarder';

/** Every middleware of the suite carries its kind and options under this symbol. */
export const middlewareTag: unique symbol = Symbol.for('sekisho.middleware') as never;

/** A request that is only thought of: where would it go? */
export interface LeadQuestion {
  readonly host: string | undefined;
  /** Mount paths that Express would have taken off. */
  readonly mount: string;
  /** What is left, with its query. */
  readonly path: string;
  /** All of it as the client would send it: Express adds a slash to what is left of a mount path alone. */
  readonly original: string;
}

/** Where a forwarder would send a request. */
export interface Lead {
  /** The key of the route that decides; empty for a forwarder with only one way. */
  readonly route: string;
  /** What the request would become, one URL for each server; a function of the user's is named and not asked. */
  readonly urls: readonly string[];
}

/** A way of a forwarder, as far as it is known before any request. */
export interface Way {
  /** Path prefix below the mount path; empty for all of it. */
  readonly prefix: string;
  /** Host key of the route. */
  readonly host?: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface MiddlewareInfo {
  readonly kind: MiddlewareKind;
  readonly name: string;
  readonly options?: unknown;
  /** For forwarders: the ways there are, and where a request would go. Neither calls anything of the user's. */
  readonly forwards?: Forwards | undefined;
}

export interface Forwards {
  readonly ways: readonly Way[];
  /** Routers and other handlers that are reached through this one. */
  readonly handlers?: readonly { readonly prefix: string; readonly handler: object }[] | undefined;
  /** Undefined when the forwarder would leave the request to the next handler. */
  lead(question: LeadQuestion): Lead | undefined;
}

/** Tags a handler as one of the suite's, so `audit()` can recognise it in a chain. */
export function middleware<Handler extends RequestHandler | ErrorRequestHandler>(
  kind: MiddlewareKind,
  handler: Handler,
  options?: unknown,
  forwards?: Forwards,
): Handler {
  const info: MiddlewareInfo = {
    kind,
    name: handler.name,
    options,
    ...(forwards && { forwards }),
  };
  return Object.defineProperty(handler, middlewareTag, { value: info });
}

/** What a handler says of itself; undefined when it is none of the suite's. */
export function middlewareInfo(handler: unknown): MiddlewareInfo | undefined {
  if (typeof handler !== 'function') return undefined;
  // Never a getter of somebody else's.
  return Object.getOwnPropertyDescriptor(handler, middlewareTag)?.value as
    MiddlewareInfo | undefined;
}
