/** The head of an answer over HTTP/2. */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { fieldPairs, http2Fields, withoutRepeats } from './http2-response-fields.ts';
import type { Http2Response } from './http2-response.ts';

/** `res.writeHead()`. */
export function writeHead(this: Http2Response, status: number, ...rest: unknown[]): Http2Response {
  if (this.headersSent)
    throw Object.assign(new Error('The head has been sent already'), {
      code: 'ERR_HTTP_HEADERS_SENT',
    });
  const fields = typeof rest[0] === 'string' ? rest[1] : (rest[0] ?? rest[1]);
  this.statusCode = checkedStatus(status);
  this.statusMessage = typeof rest[0] === 'string' ? rest[0] : (STATUS_CODES[status] ?? '');
  setFields(this, fields);
  // As over HTTP/1.1 it leaves with what is written next: a whole answer needs no trailers.
  this._header = 'HTTP/2';
  this._hasBody = !bodyless(this);
  return this;
}

function setFields(res: Http2Response, fields: unknown): void {
  const pairs = fieldPairs(fields);
  if (!Array.isArray(fields)) {
    for (const [name, value] of pairs)
      if (value !== undefined) res.setHeader(name, value as string);
    return;
  }
  for (const [name] of pairs) res.removeHeader(name);
  for (const [name, value] of pairs) res.appendHeader(name, value as string);
}

/** HTTP/2 has no 101, and Node sends none from 600 on. */
function checkedStatus(status: number): number {
  if (Number.isInteger(status) && status >= 200 && status < 600) return status;
  throw Object.assign(new RangeError(`Status ${String(status)} cannot be sent over HTTP/2`), {
    code: 'ERR_HTTP_INVALID_STATUS_CODE',
  });
}

function bodyless(res: Http2Response): boolean {
  const { statusCode } = res;
  return res.req.method === 'HEAD' || statusCode === 204 || statusCode === 304;
}

/** Sends the head. @param whole nothing follows but what is written in this turn */
export function respond(res: Http2Response, whole: boolean): void {
  const { stream } = res;
  if (stream.headersSent || stream.destroyed || stream.closed) return;
  const none = !res._hasBody;
  const fields = http2Fields(res);
  if (res.statusCode === 204) delete fields['content-length'];
  const waitForTrailers = !none && (!whole || res.trailersToSend !== undefined);
  if (waitForTrailers)
    stream.once('wantTrailers', () => {
      if (!stream.destroyed && !stream.closed) stream.sendTrailers(res.trailersToSend ?? {});
    });
  send(stream, fields, { endStream: none, waitForTrailers, sendDate: res.sendDate });
}

function send(
  stream: ServerHttp2Stream,
  fields: OutgoingHttpHeaders,
  options: { endStream: boolean; waitForTrailers: boolean; sendDate: boolean },
): void {
  try {
    stream.respond(fields, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_HTTP2_HEADER_SINGLE_VALUE') throw error;
    stream.respond(withoutRepeats(fields), options);
  }
}

/** Of an answer that is written to without `writeHead()`. */
export function implicitHead(this: Http2Response): void {
  if (!this.headersSent) (this as ServerResponse).writeHead(this.statusCode);
}

/** `res.flushHeaders()`. */
export function flushHeaders(this: Http2Response): void {
  implicitHead.call(this);
  respond(this, false);
}
