import { fieldLines, fieldsWhere, hasField } from './field-lines.ts';
import { listTokens, type Fields } from './fields.ts';
import { formatHttpDate } from './http-date.ts';

/** Fields of one connection (RFC 9110 §7.6.1) or one proxy (RFC 9111 §3.1), and the pseudo-field of HTTP/2. */
const neverStored: ReadonlySet<string> = new Set([
  ':status',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * What `Connection` cannot declare to be of one hop, as it is for all recipients (RFC 9110 §7.6.1): without them
 * a stored answer would be taken for fresher, more public or less varied than it is.
 */
const endToEnd: ReadonlySet<string> = new Set([
  'age',
  'cache-control',
  'cdn-cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'pragma',
  'vary',
]);

const none: ReadonlySet<string> = new Set();

/**
 * The fields of an answer that are stored with it, in order and spelling of the sender (RFC 9111 §3.1). `Date` is
 * kept as it came, and added when there is none (RFC 9110 §6.6.1). `Age` is kept, too: whoever uses the stored answer
 * replaces it.
 *
 * @param without lower-cased names of further fields to leave out: those named by `no-cache` and `private`
 * @param received wall-clock milliseconds at which the answer came
 */
export function storedFields(
  fields: Fields,
  without: readonly string[],
  received: number,
): string[] {
  const named = fieldLines(fields, 'connection')
    .flatMap(listTokens)
    .filter((name) => !endToEnd.has(name));
  const dropped = named.length + without.length === 0 ? none : new Set([...without, ...named]);
  const kept = fieldsWhere(fields, (lower) => !neverStored.has(lower) && !dropped.has(lower));
  if (!hasField(kept, 'date')) kept.push('Date', formatHttpDate(received));
  return kept;
}
