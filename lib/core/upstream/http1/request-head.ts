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

const secrets: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

type FieldRole = 'pass' | 'own' | 'host' | 'te' | 'expect' | 'content-length' | 'authorization';

interface FieldName {
  readonly role: FieldRole;
  /** What a line with it begins with, behind the end of the line before. */
  readonly start: string;
  /** Its values are not kept any longer than their request. */
  readonly secret: boolean;
}

const fieldName: (name: string) => FieldName | undefined = memoised((name) => {
  if (!token.test(name)) return undefined;
  const lower = name.toLowerCase();
  const role = own.has(lower) ? 'own' : (roles.get(lower) ?? 'pass');
  return { role, start: `\r\n${name}: `, secret: secrets.has(lower) };
});

const roles: ReadonlyMap<string, FieldRole> = new Map(
  (['host', 'te', 'expect', 'content-length', 'authorization'] as const).map((name) => [
    name,
    name,
  ]),
);

/** NTLM and Negotiate log in a connection, not a request (RFC 4559 §6): nobody else may be sent over it afterwards. */
const loginOfConnection = /^(?:ntlm|negotiate)\b/i;

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
  let text = `${method} ${path} HTTP/1.1`;
  let stated: number | undefined;
  let expectsContinue = options.expectContinue === true;
  let hasHost = false;
  let wantsTrailers = false;
  let lastOfConnection = options.reset === true;
  const fields = rawFields(options.headers);
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    const { role, start } = checkedField(index / 2, name, value);
    switch (role) {
      case 'own':
        continue;
      case 'te':
        wantsTrailers = true;
        break;
      case 'host':
        if (hasHost) throw new InvalidRequestError('several Host fields');
        hasHost = true;
        break;
      case 'expect':
        expectsContinue = value.toLowerCase() === '100-continue';
        continue;
      case 'authorization':
        lastOfConnection ||= loginOfConnection.test(value);
        break;
      case 'content-length':
        if (!/^\d{1,15}$/.test(value) || (stated !== undefined && stated !== Number(value)))
          throw new InvalidRequestError('invalid Content-Length');
        stated = Number(value);
        continue;
    }
    text += start;
    text += value;
  }
  if (!hasHost) text += `\r\nHost: ${hostOf(options.origin)}`;
  if (typeof upgrade === 'string') {
    checkField('Upgrade', upgrade);
    text += `\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}`;
  } else {
    const option = lastOfConnection ? 'close' : 'keep-alive';
    // RFC 9110 §10.1.4: TE is about this connection, and Connection has to say so.
    text += wantsTrailers ? `\r\nConnection: ${option}, TE` : `\r\nConnection: ${option}`;
  }
  const framing = framingOf(method, bodyLength, stated, options.body);
  if (framing === 'chunked') text += '\r\nTransfer-Encoding: chunked';
  else if (framing !== 'none') text += `\r\nContent-Length: ${framing}`;
  expectsContinue &&= framing !== 'none' && framing !== 0;
  if (expectsContinue) text += '\r\nExpect: 100-continue';
  return { text: `${text}\r\n\r\n`, framing, expectsContinue };
}

/** Fields of requests before, by their place: the same ones come again and again, and need not be checked once more. */
const mostKnown = 64;
const longestKnown = 256;
const knownNames: (string | undefined)[] = Array.from({ length: mostKnown });
const knownValues: (string | undefined)[] = Array.from({ length: mostKnown });
const knownFields: FieldName[] = [];

function checkedField(place: number, name: string, value: string): FieldName {
  if (place < mostKnown && value === knownValues[place] && name === knownNames[place])
    return knownFields[place] as FieldName;
  const field = checkField(name, value);
  if (place < mostKnown && value.length <= longestKnown && !field.secret) {
    knownNames[place] = name;
    knownValues[place] = value;
    knownFields[place] = field;
  }
  return field;
}

function checkField(name: string, value: string): FieldName {
  const known = fieldName(name);
  if (known === undefined)
    throw new InvalidRequestError(`invalid field name ${JSON.stringify(name)}`);
  if (typeof value === 'object' || notFieldValue.test(value))
    throw new InvalidRequestError(`invalid value of field ${name}`);
  return known;
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
