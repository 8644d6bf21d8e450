import type { Request } from 'express';
import { z } from 'zod';
import { quote, refuse } from '../core/options.ts';
import { fillPage } from './html.ts';
import type { Problem } from './problem.ts';

/**
 * A whole HTML page; `{status}`, `{title}`, `{detail}`, `{code}` and `{requestId}` in it are filled in, escaped.
 * Or a function that returns one as it is to be sent, and has to escape what it inserts; when it
 * returns undefined, or throws, the built-in page is sent.
 */
export type ErrorPage =
  string | ((problem: Problem, req: Request, error: unknown) => string | undefined);

/** A status, a class of them, or all others: the most exact one counts. */
export type PageKey = number | `${4 | 5}xx` | 'default';

/** Renders a problem; undefined when the user's function has nothing to say or failed. */
type Renderer = (problem: Problem, req: Request, error: unknown) => string | undefined;

export type ErrorPageTable = Readonly<Record<string, Renderer | undefined>>;

const keyPattern = /^(?:[45]\d\d|[45]xx|default)$/;

export function errorPageTable(): z.ZodType<ErrorPageTable> {
  const page = z.custom<ErrorPage>(
    (value) => typeof value === 'string' || typeof value === 'function',
    {
      error: ({ input }) =>
        `${quote(input)} is no page; use a string of HTML or a function that returns one`,
    },
  );
  return z.record(z.string(), page.optional()).transform((pages, context) => {
    const table: Record<string, Renderer> = {};
    for (const [key, page] of Object.entries(pages)) {
      if (!keyPattern.test(key))
        refuse(context, key, "is no error status; use one such as 503, '4xx', '5xx' or 'default'");
      else if (typeof page === 'string') table[key] = (problem) => fillPage(page, problem);
      else if (page !== undefined) table[key] = guarded(key, page);
    }
    return table;
  });
}

/** The most exact of the user's pages for a status. */
export function pageFor(pages: ErrorPageTable, status: number): Renderer | undefined {
  return pages[status] ?? pages[status < 500 ? '4xx' : '5xx'] ?? pages.default;
}

/** A page that fails must not cost the client its answer; its author hears of it once. */
function guarded(key: string, page: Exclude<ErrorPage, string>): Renderer {
  let warned = false;
  return (problem, req, error) => {
    try {
      const html: unknown = page(problem, req, error);
      if (html === undefined || typeof html === 'string') return html;
      throw new TypeError(`it returned ${quote(html)}, not a string`);
    } catch (failure) {
      if (!warned) process.emitWarning(`errorPages: pages.${key} failed: ${String(failure)}`);
      warned = true;
      return undefined;
    }
  };
}
