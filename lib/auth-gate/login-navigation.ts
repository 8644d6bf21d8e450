import type { Request } from 'express';
import { contextOf } from '../core/context.ts';

/**
 * Whether a person has gone to this page with a browser, and so may be sent to a login page. A script, an image or a program that
 * asks would not know what to do with one: they get 401.
 */
export function isNavigation(req: Request): boolean {
  const { method, headers } = req;
  if (method !== 'GET' && method !== 'HEAD') return false;
  const context = contextOf(req);
  if (context.proxied || context.upgrade !== undefined || headers.upgrade !== undefined)
    return false;
  if (headers['x-requested-with'] !== undefined) return false;
  // Fetch metadata say it for sure, where browsers send them (https, and this machine).
  if ((headers['sec-fetch-mode'] ?? 'navigate') !== 'navigate') return false;
  if (`${String(headers['sec-purpose'])}${String(headers.purpose)}`.includes('prefetch'))
    return false;
  return /\btext\/html\b|\bapplication\/xhtml\+xml\b/i.test(headers.accept ?? '');
}
