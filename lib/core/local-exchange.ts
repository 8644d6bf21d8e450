import type { Request, Response } from 'express';
import { contextOf, type Interceptor } from './context.ts';
import { Layers } from './exchange/layers.ts';

/**
 * Puts a wrapper around whatever answers this request further down the chain: a forwarder, or any handler of the
 * app. What a wrapper middleware calls before its `next()`. The first mounted is outermost, and a middleware between
 * two wrappers that puts functions or fields of its own into the response (compression, sessions, helmet) stands
 * between them here, too: inside the first and outside of the second.
 *
 * The interceptor is called when there is an answer, with `options` of the request and the handler that writes to the
 * client: by a forwarder when it sends the request, else when the handler of the app sends the head of its answer
 * (or a 1xx), or when the client leaves before. From a handler the fields of the answer are those that it has set
 * itself: what the middlewares outside of the wrapper have put on `res` is none of its business, stays there, and is
 * sent along.
 *
 * CONNECT is never wrapped, nor is an answer whose head has been sent: then this does nothing. Nor are upgrades, except
 * with `refusedUpgrades`: whatever answers such a request in place of a 101 is an answer like others. Before a 101 the
 * wrapper steps aside.
 */
export function wrap(
  req: Request,
  res: Response,
  interceptor: Interceptor,
  { refusedUpgrades = false } = {},
): void {
  const context = contextOf(req);
  if (context.upgrade !== undefined && !refusedUpgrades) return;
  if (req.method === 'CONNECT' || res.headersSent) return;
  context.layers ??= new Layers(req, res);
  context.layers.wrap(interceptor);
}

/**
 * The wrappers that stand directly around this point of the chain, first one outermost; none when something that
 * writes or changes answers stands between.
 */
export function interceptorsAround(req: Request): readonly Interceptor[] {
  return contextOf(req).layers?.around() ?? none;
}

/**
 * For whoever answers natively at this point (a forwarder, a cache with its hit): gives the wrappers that stand directly
 * around it, to be composed around its own dispatch, and takes them off the response. What is not given here sees what
 * is written to `res`.
 */
export function takeInterceptors(req: Request): readonly Interceptor[] {
  return contextOf(req).layers?.take() ?? none;
}

/**
 * For a wrapper that has the head of an answer before it: whether a handler of the app gives it, whose fields take the
 * place of those that were set outside. Of a forwarder's answer those that were set outside win.
 *
 * @returns undefined for a forwarder's; else the names, in lower case, of what was set outside and the handler has taken
 *   away. Of `Set-Cookie`, `Vary`, `Link` and `Server-Timing`, which add up, also those that it has replaced.
 */
export function removedByHandler(req: Request): readonly string[] | undefined {
  return contextOf(req).layers?.exchange?.head?.fields.removed;
}

/**
 * For a wrapper that gives another answer in the place of a handler's: what was set outside is there again, save these.
 *
 * @param removed names in lower case
 */
export function substitute(req: Request, removed: readonly string[]): void {
  const exchange = contextOf(req).layers?.exchange;
  if (exchange !== undefined) exchange.reply.removed = removed;
}

/**
 * Hides fields of the request from the handler that answers it, so that it gives a full answer to a conditional one:
 * `req.headers`, `req.get()` and `req.fresh` go without them until the head of the answer is there. `req.rawHeaders`
 * and the object that was in `req.headers` stay as they are.
 *
 * @param names in lower case
 */
export function hideRequestFields(req: Request, names: readonly string[]): void {
  const context = contextOf(req);
  const headers = { ...req.headers };
  for (const name of names) Reflect.deleteProperty(headers, name);
  context.hiddenHeaders ??= req.headers;
  req.headers = headers;
}

const none: readonly Interceptor[] = [];
