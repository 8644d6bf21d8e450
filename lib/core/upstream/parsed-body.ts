import type { Request } from 'express';
import { ProxyError } from '../errors.ts';

/** A body that a parser had consumed, written out again. */
export interface RewrittenBody {
  readonly bytes: Buffer;
  /** Fields of the request that described the bytes as they were before. */
  readonly drop: ReadonlySet<string>;
}

const describesBytes: ReadonlySet<string> = new Set(['content-encoding']);
const digests = ['content-digest', 'repr-digest', 'digest', 'content-md5'];
const remedy = 'mount the body parser behind the proxy, or only on the routes that need it';
/** What decoders put in place of bytes they cannot read. */
const undecodable = '\ufffd';
const doubt = /[%\ufffd]/;
/** Deeper than anything express.json() parses from its default 100kb that a person has written. */
const deepest = 200;

/**
 * A body parser in front of the forwarder has read the request; what it left in `req.body` is written
 * out again when that says the same as the original, so that the request does not hang or lie.
 *
 * @throws {ProxyError} ERR_SEKISHO_BODY_CONSUMED when it would not say the same
 */
export function rewriteParsedBody(req: Request): RewrittenBody {
  if (digests.some((name) => req.headers[name] !== undefined))
    throw consumed('the request carries a digest of its original bytes');
  return { bytes: serialise(req), drop: describesBytes };
}

function serialise(req: Request): Buffer {
  const body: unknown = req.body;
  if (Buffer.isBuffer(body)) return body;
  if (body === undefined) throw consumed('something has read it and left nothing in req.body');
  const [type = '', ...parameters] = (req.headers['content-type'] ?? '').toLowerCase().split(';');
  const mediaType = type.trim();
  const charset = /(?:^|;)\s*charset\s*=\s*"?([\w-]+)/.exec(parameters.join(';'))?.[1] ?? 'utf-8';
  if (charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii')
    throw consumed(`its charset ${charset} cannot be restored`);
  if (/^application\/(?:[\w.-]+\+)?json$/.test(mediaType)) return json(body);
  if (mediaType === 'application/x-www-form-urlencoded') return form(body, req);
  if (typeof body === 'string') return text(body, req);
  throw consumed(`req.body of type ${mediaType === '' ? 'unknown' : mediaType} cannot be restored`);
}

function text(body: string, req: Request): Buffer {
  const bytes = Buffer.from(body);
  if (body.includes(undecodable) && !hadLength(req, bytes.length))
    throw consumed('its bytes are no UTF-8');
  return bytes;
}

function json(body: unknown): Buffer {
  let written: string | undefined;
  try {
    // First, because it finds cycles.
    written = JSON.stringify(body);
  } catch {
    throw consumed('req.body cannot be written as JSON');
  }
  if ((written as string | undefined) === undefined || !exact(body, 0))
    throw consumed('its JSON has numbers that parsing has changed');
  if (written.includes(undecodable)) throw consumed('its JSON has bytes that are no UTF-8');
  return Buffer.from(written);
}

/** JSON.parse rounds integers beyond 2^53 and turns 1e999 into Infinity. */
function exact(value: unknown, depth: number): boolean {
  if (depth > deepest) return false;
  if (typeof value === 'number')
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint';
  return Object.values(value).every((member) => exact(member, depth + 1));
}

function form(body: unknown, req: Request): Buffer {
  let doubtful = false;
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(body as Record<string, unknown>)) {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    // A list may have been `a=1&a=2`, `a[]=1&a[]=2` or `a[0]=1`; a `%` may be an escape that is no UTF-8.
    doubtful ||= Array.isArray(value) || values.some((single) => doubt.test(String(single)));
    for (const single of values) {
      // Nested keys have several spellings; which one the client used is gone.
      if (typeof single !== 'string')
        throw consumed(`its form field ${JSON.stringify(key)} is nested`);
      pairs.append(key, single);
    }
  }
  const bytes = Buffer.from(pairs.toString());
  if (doubtful && !hadLength(req, bytes.length))
    throw consumed('its form could have been spelled in several ways');
  return bytes;
}

/** Whether the original had so many bytes: then what is in doubt was spelled as it is written now. */
function hadLength(req: Request, length: number): boolean {
  const { 'content-length': stated, 'content-encoding': coding = 'identity' } = req.headers;
  return coding === 'identity' && stated === String(length);
}

function consumed(reason: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_BODY_CONSUMED', {
    detail: `a body parser has read the request body before the proxy, and ${reason}; ${remedy}`,
  });
}
