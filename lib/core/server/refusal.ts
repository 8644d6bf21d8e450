import { STATUS_CODES, type ServerResponse } from 'node:http';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';

/** Fields of an answer that was not to be: they describe another body. */
const staleFields = [
  'Cache-Control',
  'Content-Encoding',
  'Content-Range',
  'ETag',
  'Expires',
  'Last-Modified',
  'Transfer-Encoding',
];

/**
 * Answers a request that the door itself has to answer, with problem details as `errorPages()` writes them: nobody took it
 * (no error: 404), or it failed with an error nobody handled.
 *
 * @param end in place of the response's own, where that is somebody else's by now
 */
export function answerRefusal(
  res: ServerResponse,
  error?: unknown,
  end: (body: string) => void = (body) => res.end(body),
): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const status = error === undefined ? 404 : statusOf(error);
  const { id } = contextOf(res.req);
  const body = JSON.stringify({
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    ...(error instanceof ProxyError && { detail: error.message, code: error.code }),
    requestId: id,
  });
  for (const field of staleFields) res.removeHeader(field);
  for (const [field, value] of Object.entries(fieldsOf(error))) res.setHeader(field, value);
  res.statusCode = status;
  res.statusMessage = '';
  res.setHeader('X-Request-Id', id);
  res.setHeader('Content-Type', 'application/problem+json');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  end(body);
}

export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`;
}

function statusOf(error: unknown): number {
  const { status, statusCode } = Object(error) as { status?: unknown; statusCode?: unknown };
  const found = [status, statusCode].find(
    (value): value is number =>
      Number.isInteger(value) && Number(value) >= 400 && Number(value) < 600,
  );
  return found ?? 500;
}

function fieldsOf(error: unknown): Record<string, string> {
  const { headers } = Object(error) as { headers?: unknown };
  return typeof headers === 'object' && headers !== null ? { ...headers } : {};
}

/** Errors that nobody handled and nobody foresaw are shown as Express shows them. */
export function reportError(error: unknown): void {
  if (error instanceof Error && !('status' in error) && !('statusCode' in error))
    console.error(error);
}
