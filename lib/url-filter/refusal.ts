import type { NextFunction, Request, Response } from 'express';
import type { Context } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { failWith } from '../core/fail-with.ts';
import { blockPage, pagePolicy } from './page.ts';
import type { ParsedPage } from './page-options.ts';

export interface Refusal {
  readonly status: 403 | 404 | 410;
  readonly page: ParsedPage | false;
  /** Of the group. */
  readonly policy: string;
  readonly rule: string | undefined;
  readonly category: string | undefined;
}

/** The first one is what a client without preference gets: from the error handlers. */
const offers = ['application/problem+json', 'application/json', 'text/html'];

/** Answers what may not pass: browsers get a page, the others what the app's error handlers make of it. */
export function refuse(
  refusal: Refusal,
  context: Context,
  req: Request,
  res: Response,
  next: NextFunction,
): void {
  const { status, page, rule } = refusal;
  context.transaction.error ??= 'ERR_SEKISHO_URL_DENIED';
  const error =
    status === 404
      ? missing()
      : new ProxyError('ERR_SEKISHO_URL_DENIED', {
          status,
          ...(rule !== undefined && { detail: rule }),
        });
  // Whoever hides behind 404 does not want a page that tells of a block.
  if (page !== false && (status !== 404 || page.wanted) && wantsPage(req)) {
    context.refused(error);
    sendPage({ ...refusal, page }, context, req, res);
    return;
  }
  if (status !== 404) res.setHeader('Cache-Control', 'no-store');
  // To a proxied request a 404 is ours, and not that of a route it was never meant for.
  failWith(error, req, next);
}

/** Clients say for tunnels what they are, not what they accept. */
function wantsPage(req: Request): boolean {
  if (req.method === 'CONNECT' && req.headers.accept === undefined) return true;
  return req.accepts(offers) === 'text/html';
}

function sendPage(
  { status, page, policy, category }: Refusal & { readonly page: ParsedPage },
  { id }: Context,
  req: Request,
  res: Response,
): void {
  const name = policy === '' ? page.texts.policy : policy;
  const body = Buffer.from(blockPage(page, { status, policy: name, category, requestId: id }));
  res.statusCode = status;
  res.vary('Accept');
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Type', 'text/html; charset=utf-8');
  res.setHeader('Content-Length', body.length);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('X-Request-Id', id);
  res.setHeader('Proxy-Status', 'sekisho; error=http_request_denied');
  if (page.custom === undefined && !res.hasHeader('Content-Security-Policy'))
    res.setHeader('Content-Security-Policy', pagePolicy);
  res.end(body);
  // What nobody reads would block the connection's next request.
  req.unpipe();
  req.resume();
}

/**
 * An error as the app's own 404s are, so that nothing tells of a filter: no ProxyError, whose code and Proxy-Status
 * error pages show. `code` is for the app's handlers.
 */
function missing(): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error('Not Found'), {
    status: 404,
    statusCode: 404,
    expose: true,
  });
  Error.stackTraceLimit = limit;
  return Object.defineProperty(error, 'code', { value: 'ERR_SEKISHO_URL_DENIED' });
}
