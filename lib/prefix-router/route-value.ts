import type { RequestHandler } from 'express';
import { quote } from '../core/options.ts';
import type { ForwarderOptions, StaticTarget, Target } from '../core/upstream/forward-options.ts';

/** A target with options of its own. A target that depends on the request is `{ target: (req) => … }`. */
export interface RouteOptions extends ForwarderOptions {
  /** Where requests of this route go. No default. */
  readonly target: Target;
}

/** What a prefix leads to. A function is always a handler of requests, never a function that returns a target. */
export type RouteValue = StaticTarget | RouteOptions | RequestHandler;

export type RouteReading =
  | { readonly kind: 'handler'; readonly handler: RequestHandler }
  | { readonly kind: 'target'; readonly target: Target; readonly options: ForwarderOptions };

/** Tells handlers, targets and options apart, or says what is wrong with the value. */
export function readRouteValue(value: unknown): RouteReading | string {
  if (typeof value === 'function')
    return value.length === 4
      ? `${quote(value)} takes four arguments, so it handles errors, not requests; mount it with app.use()`
      : { kind: 'handler', handler: value as RequestHandler };
  if (value === undefined || value === null || typeof value === 'boolean')
    return `${quote(value)} is no target; use a URL such as 'http://127.0.0.1:8080', or leave the key out`;
  if (Array.isArray(value) && value.some((item) => typeof item === 'function'))
    return 'an array is a list of servers and holds no functions; put several handlers into an express.Router()';
  if (!isPlainObject(value)) return { kind: 'target', target: value as Target, options: {} };
  const { target, ...options } = value as unknown as RouteOptions;
  if ((target as Target | undefined) === undefined)
    return `an object without a target; use { target: 'http://127.0.0.1:8080', … }${'url' in value ? ', or [{ url, … }] for a list of servers' : ''}`;
  return { kind: 'target', target, options };
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
