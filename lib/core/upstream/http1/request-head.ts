import type { Dispatcher } from 'undici';
import { memoised } from '../../http/memo.ts';

/** How the body of a request leaves: not at all, with a length, or chunked. */
export type RequestFraming = 'none' | 'chunked' | number;

export interface RequestHead {
  /** Request line, fields and framing; ends with the empty line. */
  readonly text: string;
  readonly framing: RequestFraming;
  /** The body waits until the server has said `100 Continue`. */
  readonly expectsContinue: boolean;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const target = /^[\x21-\x7e\x80-\xff]+$/;
// eslint-disable-next-line no-control-regex -- exactly the bytes that must not be in a field value
const notFieldValue = /[\0-\x08\x0a-\x1f\x7f\u0100-\uffff]/;

/** Fields that describe this connection or the framing: the client writes them itself. */
const own: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const neverTrailers: ReadonlySet<string> = new Set(['content-length', 'host', 'te', 'trailer']);

/** A request that cannot be written as HTTP/1.1 without being read differently by someone. */
export class InvalidRequestError extends TypeError {
  override readonly name = 'InvalidRequestError';
}

/**
 * Writes the head of a request. Framing is made anew: `Content-Length` is taken from the fields
 * (or the length of the body), anything else with a body is chunked.
 *
 * @throws {InvalidRequestError} for a method, target or field that would break out of its place
 */
export function writeRequestHead(
  options: Dispatcher.DispatchOptions,
  bodyLength: number | undefined,
): RequestHead {
  const { method, path, upgrade } = options;
  if (!token.test(method))
    throw new InvalidRequestError(`invalid method ${JSON.stringify(method)}`);
  if (method === 'CONNECT')
    throw new InvalidRequestError('CONNECT opens a tunnel, not an exchange');
  if (options.query !== undefined) throw new InvalidRequestError('the query belongs into the path');
  if (!target.test(path)) throw new InvalidRequestError('invalid request target');
  let text = `${method} ${path} HTTP/1.1\r\n`;
  let stated: number | undefined;
  let expectsContinue = options.expectContinue === true;
  let hasHost = false;
  let wantsTrailers = false;
  const fields = rawFields(options.headers);
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    checkField(name, value);
    switch (name.length) {
      case 2:
        wantsTrailers ||= name.toLowerCase() === 'te';
        break;
      case 4:
        if (name.toLowerCase() !== 'host') break;
        if (hasHost) throw new InvalidRequestError('several Host fields');
        hasHost = true;
        break;
      case 6:
        if (name.toLowerCase() === 'expect') {
          expectsContinue = value.toLowerCase() === '100-continue';
          continue;
        }
        break;
      case 14:
        if (name.toLowerCase() === 'content-length') {
          if (!/^\d{1,15}$/.test(value) || (stated !== undefined && stated !== Number(value)))
            throw new InvalidRequestError('invalid Content-Length');
          stated = Number(value);
          continue;
        }
        break;
      case 7:
      case 10:
      case 16:
      case 17:
        if (own.has(name.toLowerCase())) continue;
        break;
    }
    text += `${name}: ${value}\r\n`;
  }
  if (!hasHost) text += `Host: ${hostOf(options.origin)}\r\n`;
  if (typeof upgrade === 'string') {
    checkField('Upgrade', upgrade);
    text += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  } else {
    const option = options.reset === true ? 'close' : 'keep-alive';
    // RFC 9110 §10.1.4: TE is about this connection, and Connection has to say so.
    text += wantsTrailers ? `Connection: ${option}, TE\r\n` : `Connection: ${option}\r\n`;
  }
  const framing = framingOf(method, bodyLength, stated, options.body);
  if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  else if (framing !== 'none') text += `Content-Length: ${framing}\r\n`;
  expectsContinue &&= framing !== 'none' && framing !== 0;
  if (expectsContinue) text += 'Expect: 100-continue\r\n';
  return { text: `${text}\r\n`, framing, expectsContinue };
}

const isToken: (name: string) => boolean = memoised((name) => token.test(name));

function checkField(name: string, value: string): void {
  if (!isToken(name)) throw new InvalidRequestError(`invalid field name ${JSON.stringify(name)}`);
  if (typeof value === 'object' || notFieldValue.test(value))
    throw new InvalidRequestError(`invalid value of field ${name}`);
}

/**
 * Writes a trailer section, without the empty line that ends it. Fields that say how the message is
 * framed or where it goes are left out (RFC 9110 §6.5.1).
 *
 * @throws {InvalidRequestError} for a field that would break out of its place
 */
export function writeTrailers(trailers: readonly string[]): string {
  let text = '';
  for (let index = 0; index + 1 < trailers.length; index += 2) {
    const name = trailers[index] as string;
    const value = trailers[index + 1] as string;
    checkField(name, value);
    const lower = name.toLowerCase();
    if (!own.has(lower) && !neverTrailers.has(lower)) text += `${name}: ${value}\r\n`;
  }
  return text;
}

function framingOf(
  method: string,
  bodyLength: number | undefined,
  stated: number | undefined,
  body: unknown,
): RequestFraming {
  if (body === null || body === undefined) {
    if (stated !== undefined && stated !== 0)
      throw new InvalidRequestError('Content-Length without a body');
    // RFC 9110 §8.6: methods that anticipate content say so even when there is none.
    return stated === 0 || method === 'POST' || method === 'PUT' || method === 'PATCH' ? 0 : 'none';
  }
  if (bodyLength === undefined) return stated ?? 'chunked';
  if (stated !== undefined && stated !== bodyLength)
    throw new InvalidRequestError('Content-Length does not match the body');
  return bodyLength;
}

function hostOf(origin: string | URL | undefined): string {
  if (origin === undefined) throw new InvalidRequestError('neither Host nor origin');
  const { protocol, host } = typeof origin === 'string' ? new URL(origin) : origin;
  return protocol === 'unix:' ? 'localhost' : host;
}

/**
 * The fields of any of undici's shapes as names and values in turn; an array in that shape is given back as it is.
 *
 * @throws {InvalidRequestError} for an array with a name and no value
 */
export function rawFields(headers: Dispatcher.DispatchOptions['headers']): readonly string[] {
  if (headers === null || headers === undefined) return [];
  if (Array.isArray(headers)) {
    if (headers.length % 2 !== 0) throw new InvalidRequestError('a field without a value');
    return headers;
  }
  const fields: string[] = [];
  const entries = Symbol.iterator in headers ? headers : Object.entries(headers);
  for (const [name, value] of entries as Iterable<[string, string | string[] | undefined]>) {
    if (value === undefined) continue;
    for (const single of Array.isArray(value) ? value : [value]) fields.push(name, single);
  }
  return fields;
}
