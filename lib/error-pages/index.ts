import type { ErrorRequestHandler, Request, Response } from 'express';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { middleware } from '../core/middleware.ts';
import { oneOf, parseOptions, schemaOf } from '../core/options.ts';
import { setErrorFields } from './fields.ts';
import { builtInPage, builtInPolicy } from './html.ts';
import { errorPageTable, pageFor, type ErrorPage, type PageKey } from './pages.ts';
import { problemOf, type Problem } from './problem.ts';

export type { ErrorPage, PageKey, Problem };

export interface ErrorPagesOptions {
  /**
   * HTML pages in place of the built-in one, by status: `{ 503: '<!doctype html>…', '5xx': (problem) => … }`.
   * @default none
   */
  readonly pages?: Readonly<Partial<Record<PageKey, ErrorPage>>>;
  /**
   * What is sent. `'negotiate'`: a page to clients whose Accept prefers `text/html`, as browsers' does,
   * problem details to all others.
   * @default 'negotiate'
   */
  readonly format?: 'negotiate' | 'html' | 'json';
}

const optionsSchema = schemaOf<ErrorPagesOptions>()({
  pages: errorPageTable().default({}),
  format: oneOf(['negotiate', 'html', 'json']).default('negotiate'),
});

/** The first one is what a client without preference gets. */
const offers = ['application/problem+json', 'application/json', 'text/html'];

/**
 * Express error handler, to be mounted last: answers whatever reached `next(error)` with problem
 * details (RFC 9457, `application/problem+json`) or an HTML page. Both bear the request id
 * and nothing of the inside; the message of an error is shown only where its author allows
 * it (http-errors' `expose`). A failure of the proxy also has `Proxy-Status` (RFC 9209).
 * When the head has already been sent the connection is cut, so that nothing looks complete.
 *
 * @example app.use(errorPages({ pages: { '5xx': readFileSync('sorry.html', 'utf8') } }));
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function errorPages(options: ErrorPagesOptions = {}): ErrorRequestHandler {
  const { pages, format } = parseOptions('errorPages', optionsSchema, options);

  // Express knows an error handler by its four parameters.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  return middleware('observer', function errorPages(error: unknown, req, res, _next) {
    const { id, transaction } = contextOf(req);
    if (error instanceof ProxyError) transaction.error ??= error.code;
    if (res.writableEnded) return;
    if (res.headersSent) {
      res.destroy();
      return;
    }
    const problem = problemOf(error, res.statusCode, id);
    setErrorFields(error, req, res);
    res.setHeader('X-Request-Id', id);
    if (format === 'negotiate') res.vary('Accept');
    if (format === 'html' || (format === 'negotiate' && req.accepts(offers) === 'text/html'))
      sendPage(res, problem, pageFor(pages, problem.status)?.(problem, req, error));
    else send(res, problem.status, 'application/problem+json', toJson(problem));
    unblock(req);
  });
}

function sendPage(res: Response, problem: Problem, custom: string | undefined): void {
  if (custom === undefined && !res.hasHeader('Content-Security-Policy'))
    res.setHeader('Content-Security-Policy', builtInPolicy);
  send(res, problem.status, 'text/html; charset=utf-8', custom ?? builtInPage(problem));
}

/** Without `<` and `>` not even a client that ignores the media type finds markup in it. */
function toJson(problem: Problem): string {
  return JSON.stringify(problem).replace(/[<>&]/g, (char) =>
    char === '<' ? '\\u003c' : char === '>' ? '\\u003e' : '\\u0026',
  );
}

function send(res: Response, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  res.statusCode = status;
  // A phrase that the chain chose for its own status; HTTP/2 has none.
  if (res.req.httpVersionMajor < 2) res.statusMessage = '';
  res.setHeader('Content-Type', type);
  res.setHeader('Content-Length', body.length);
  // Node leaves the body out for HEAD.
  res.end(body);
}

/** A request body half read by who failed would block the connection's next request. */
function unblock(req: Request): void {
  req.unpipe();
  req.resume();
}
