import { STATUS_CODES, type ServerResponse } from 'node:http';
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

/** Answers an upgrade that nobody took (no error: 404) or that failed with an error nobody handled. */
export function refuseUpgrade(res: ServerResponse, error?: unknown): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const status = error === undefined ? 404 : statusOf(error);
  const title = error instanceof ProxyError ? error.message : (STATUS_CODES[status] ?? 'Error');
  const body = JSON.stringify({ type: 'about:blank', title, status });
  for (const field of staleFields) res.removeHeader(field);
  for (const [field, value] of Object.entries(fieldsOf(error))) res.setHeader(field, value);
  res.statusCode = status;
  res.statusMessage = '';
  res.setHeader('Content-Type', 'application/problem+json');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
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
