// A table, not a connection.
// eslint-disable-next-line @typescript-eslint/no-restricted-imports
import { STATUS_CODES } from 'node:http';
import { ProxyError, type ErrorCode } from '../core/errors.ts';

/** What a client is told of a failure: problem details (RFC 9457) with two members of our own. */
export interface Problem {
  /** Nothing more is meant than `status` says (RFC 9457 §4.2.1). */
  readonly type: 'about:blank';
  /** The status' own phrase, e.g. `Bad Gateway`. */
  readonly title: string;
  readonly status: number;
  /** A sentence that is fit for the client; not escaped. */
  readonly detail?: string;
  /** Which of sekisho's errors it was; absent for errors of others. */
  readonly code?: ErrorCode;
  /** The id that the log has, too; also sent as `X-Request-Id`. */
  readonly requestId: string;
}

/** The conventions of http-errors, which Express and its middlewares follow. */
interface HttpError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly expose?: unknown;
}

/** The engine wrote these messages, and quotes the client's bytes in them (`JSON.parse`). */
const engineErrors: ReadonlySet<unknown> = new Set([
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
]);
const longestDetail = 300;

/** @param current status the chain had set before it failed; counts when the error brings none, as in Express */
export function problemOf(error: unknown, current: number, requestId: string): Problem {
  const status = statusOf(error, current);
  const detail = detailOf(error);
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? (status < 500 ? 'Client Error' : 'Server Error'),
    status,
    ...(detail !== undefined && { detail }),
    ...(error instanceof ProxyError && { code: error.code }),
    requestId,
  };
}

/** Whether the author of an error says what of it may be shown; the others' members are anybody's guess. */
export function isHttpError(error: unknown): error is HttpError {
  return typeof (error as HttpError | null)?.expose === 'boolean';
}

function statusOf(error: unknown, current: number): number {
  const { status, statusCode } = (error ?? {}) as HttpError;
  return [status, statusCode, current].find(isErrorStatus) ?? 500;
}

function isErrorStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599;
}

function detailOf(error: unknown): string | undefined {
  if (!isHttpError(error) || error.expose !== true) return undefined;
  if (typeof error.message !== 'string' || engineErrors.has(error.name)) return undefined;
  // eslint-disable-next-line no-control-regex -- exactly these are unfit for a page and a terminal
  return error.message.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, longestDetail) || undefined;
}
