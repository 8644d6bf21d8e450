import type { Request } from 'express';
import { contextOf } from '../core/context.ts';

/**
 * A CORS preflight (Fetch standard, §3.3 "CORS-preflight request"): browsers send it by themselves, without credentials
 * and without a body, before a request of another origin.
 */
export function isPreflight(req: Request): boolean {
  const { headers } = req;
  return (
    req.method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined &&
    headers['transfer-encoding'] === undefined &&
    (headers['content-length'] ?? '0') === '0' &&
    !contextOf(req).proxied &&
    contextOf(req).upgrade === undefined
  );
}
