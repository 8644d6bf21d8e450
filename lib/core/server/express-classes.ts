import {
  IncomingMessage,
  ServerResponse,
  type RequestListener,
  type ServerOptions,
} from 'node:http';

/** What Express makes the prototypes of requests and responses; undefined for apps that are none of Express. */
export function prototypesOf(
  app: RequestListener,
): { request: IncomingMessage; response: ServerResponse } | undefined {
  const { request, response } = app as { request?: unknown; response?: unknown };
  return request instanceof IncomingMessage && response instanceof ServerResponse
    ? { request, response: response as ServerResponse }
    : undefined;
}

/**
 * Server options that make requests and responses be born with the prototypes of an Express app.
 * Express sets these on every request; when they are there already that costs nothing, and engines
 * keep objects fast whose prototype never changes.
 */
export function expressClasses(
  app: RequestListener,
): Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'> {
  const prototypes = prototypesOf(app);
  if (prototypes === undefined) return {};
  return {
    IncomingMessage: bornWith(prototypes.request, IncomingMessage),
    ServerResponse: bornWith(prototypes.response, ServerResponse),
  };
}

function bornWith<Base extends typeof IncomingMessage | typeof ServerResponse>(
  prototype: object,
  base: Base,
): Base {
  function Born(...args: unknown[]): object {
    return Reflect.construct(base, args, Born) as object;
  }
  Born.prototype = prototype;
  return Born as unknown as Base;
}
