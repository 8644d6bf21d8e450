import type { IncomingHttpHeaders } from 'node:http2';

/** A request's fields as HTTP/1.1 would have brought them; `problem` says why it is answered 400. */
export interface Http2RequestFields {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly fields: string[];
  readonly problem: string | undefined;
  /** Of all names and values, in bytes. */
  readonly size: number;
}

const target = /^(?:\/[\x21-\x7e\x80-\xff]*|\*)$/;

/**
 * Reads what nghttp2 lets through (it refuses connection fields, upper case, control characters and
 * wrong lengths): `:authority` becomes Host, the pieces of a cookie one field (RFC 9113 §8.2.3), and a
 * body of unknown length is said to be chunked, since that is how apps and body parsers recognise it.
 *
 * @param raw names and values in turn, as on the wire
 * @param endsHere there is no body
 */
export function readHttp2Fields(
  raw: readonly string[],
  { ':method': method = '', ':path': path = '' }: IncomingHttpHeaders,
  endsHere: boolean,
): Http2RequestFields {
  const fields: string[] = ['host', ''];
  let authority: string | undefined;
  let host: string | undefined;
  let cookieAt = -1;
  let lengthKnown = false;
  let size = 0;
  let problem = target.test(path) ? undefined : 'malformed :path';
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    size += name.length + value.length;
    if (name.startsWith(':')) {
      if (name === ':authority') authority = value;
    } else if (name === 'host') {
      if (host !== undefined) problem ??= 'two host fields';
      host = value;
    } else if (name === 'cookie' && cookieAt >= 0)
      fields[cookieAt] = `${fields[cookieAt] as string}; ${value}`;
    else {
      if (name === 'cookie') cookieAt = fields.length + 1;
      lengthKnown ||= name === 'content-length';
      fields.push(name, value);
    }
  }
  // RFC 9113 §8.3.1: who reads the one would be misled by the other.
  if (authority !== undefined && host !== undefined && authority !== host)
    problem ??= ':authority and host differ';
  const asked = authority ?? host;
  if (asked === undefined) fields.splice(0, 2);
  else fields[1] = asked;
  if (!endsHere && !lengthKnown) fields.push('transfer-encoding', 'chunked');
  // For the record: it is refused.
  const shown = method === 'CONNECT' ? (asked ?? '') : path;
  return { method, path: shown, fields, problem, size };
}
