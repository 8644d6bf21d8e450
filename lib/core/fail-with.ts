import type { NextFunction, Request } from 'express';
import { contextOf } from './context.ts';

/** Passes a refusal or failure on to the app's error handlers, and notes it in the record of the request. */
export function failWith(error: unknown, req: Request, next: NextFunction): void {
  contextOf(req).refused(error);
  next(error);
}
