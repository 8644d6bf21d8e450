import type { Request, Response } from 'express';
import { ProxyError, type ErrorCode } from '../core/errors.ts';
import { isHttpError } from './problem.ts';

/** They describe the answer that failed, or how long it may be kept: not the one sent instead. */
const ofTheFailedAnswer = [
  'Accept-Ranges',
  'Age',
  'Cache-Control',
  'CDN-Cache-Control',
  'Content-Digest',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Language',
  'Content-Length',
  'Content-Location',
  'Content-MD5',
  'Content-Range',
  'Content-Type',
  'Digest',
  'ETag',
  'Expires',
  'Last-Modified',
  'Link',
  'Location',
  'Pragma',
  'Refresh',
  'Repr-Digest',
  'Surrogate-Control',
  'Trailer',
  'Transfer-Encoding',
] as const;

const ofTheFailedAnswerLowerCased: ReadonlySet<string> = new Set(
  ofTheFailedAnswer.map((name) => name.toLowerCase()),
);

/** After these nobody can tell, or wait for, where the next request on the connection begins. */
const endsConnection: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_SEKISHO_BAD_FRAMING',
  'ERR_SEKISHO_BAD_HOST',
  'ERR_SEKISHO_BAD_REQUEST',
  'ERR_SEKISHO_CLIENT_TIMEOUT',
  'ERR_SEKISHO_SHUTTING_DOWN',
]);

/** Clears what the chain said of the answer that failed, and sets what the error says of its own. */
export function setErrorFields(error: unknown, req: Request, res: Response): void {
  for (const name of ofTheFailedAnswer) res.removeHeader(name);
  for (const [name, value] of Object.entries(fieldsOf(error))) setField(res, name, value);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  if (!(error instanceof ProxyError)) return;
  // RFC 9209 §2: a token each. What else the field could tell (next-hop, details) is internal.
  res.setHeader('Proxy-Status', `sekisho; error=${error.proxyStatus}`);
  if (endsConnection.has(error.code) && req.httpVersionMajor < 2)
    res.setHeader('Connection', 'close');
}

/** Fields of errors that follow no convention may be anything: an HTTP client's error has its answer's. */
function fieldsOf(error: unknown): Readonly<Record<string, unknown>> {
  if (!isHttpError(error) || !('headers' in error)) return {};
  return (error.headers ?? {}) as Readonly<Record<string, unknown>>;
}

function setField(res: Response, name: string, value: unknown): void {
  if (ofTheFailedAnswerLowerCased.has(name.toLowerCase())) return;
  try {
    res.setHeader(name, value as string | number | readonly string[]);
  } catch {
    // Not fit for the wire. The client is owed an answer all the same.
  }
}
