import type { NextFunction, Request, RequestHandler, Response } from 'express';

/**
 * Calls a handler as `app.use(prefix, handler)` would: `req.url` begins behind the prefix, `req.baseUrl`
 * has it, and both are put back before the chain goes on. What the handler rewrote of its part of
 * `req.url` stays, as it does in Express.
 */
export function mountHandler(
  handler: RequestHandler,
  prefix: string,
  req: Request,
  res: Response,
  next: NextFunction,
): void {
  const parent = req.baseUrl;
  const request: object = Object.getPrototypeOf(req) as object;
  const response: object = Object.getPrototypeOf(res) as object;
  const rest = req.url.slice(prefix.length);
  const slashAdded = !rest.startsWith('/');

  function restore(error?: unknown): void {
    const own = slashAdded && /^\/(?:\?|$)/.test(req.url) ? req.url.slice(1) : req.url;
    req.url = `${prefix}${own}`;
    req.baseUrl = parent;
    // An Express app lends requests its own prototypes, with its own settings.
    if (Object.getPrototypeOf(req) !== request) Object.setPrototypeOf(req, request);
    if (Object.getPrototypeOf(res) !== response) Object.setPrototypeOf(res, response);
    next(error);
  }

  req.url = slashAdded ? `/${rest}` : rest;
  req.baseUrl = `${parent}${prefix}`;
  let result: unknown;
  try {
    result = handler(req, res, restore);
  } catch (error) {
    restore(error);
    return;
  }
  if (result instanceof Promise)
    result.catch((error: unknown) => {
      restore(error ?? new Error('Rejected promise'));
    });
}
