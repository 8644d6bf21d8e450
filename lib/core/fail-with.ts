import type { NextFunction, Request } from 'express';
import { contextOf } from './context.ts';
import { routeOf } from './observing/route.ts';

/** Passes a refusal or failure on to the app's error handlers, and notes it in the record of the request. */
export function failWith(error: unknown, req: Request, next: NextFunction): void {
  const context = contextOf(req);
  context.refused(error);
  // The routers will have taken their mount paths back when the record ends.
  context.transaction.route ??= routeOf(req);
  next(error);
}
