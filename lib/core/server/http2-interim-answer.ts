/** What is answered before the answer (RFC 9110 §15.2) over HTTP/2: the methods of a response that do so. */
import { fieldPairs, http2Pairs } from './http2-response-fields.ts';
import type { Http2Response } from './http2-response.ts';

type Callback = () => void;

export function writeContinue(this: Http2Response, callback?: Callback): void {
  inform(this, 100, undefined);
  if (callback !== undefined) process.nextTick(callback);
}

export function writeProcessing(this: Http2Response): void {
  inform(this, 102, undefined);
}

export function writeInformation(
  this: Http2Response,
  status: number,
  fields?: unknown,
  callback?: Callback,
): void {
  inform(this, status, fields);
  if (typeof callback === 'function') process.nextTick(callback);
}

export function writeEarlyHints(
  this: Http2Response,
  hints: Readonly<Record<string, string | string[]>>,
  callback?: Callback,
): void {
  const { link, ...others } = hints;
  const links = [link ?? []].flat();
  if (links.length > 0) inform(this, 103, { ...others, link: links.join(', ') });
  if (callback !== undefined) process.nextTick(callback);
}

/** 101 does not exist here (RFC 9113 §8.6). */
function inform(res: Http2Response, status: number, fields: unknown): void {
  if (res.headersSent || res.destroyed || res.socket?.destroyed !== false || status === 101) return;
  res.stream.additionalHeaders({ ':status': status, ...http2Pairs(fieldPairs(fields)) });
}
