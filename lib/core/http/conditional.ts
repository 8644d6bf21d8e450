import { entityTagOf, matchesWeakly, parseEntityTags } from './etag.ts';
import { dateLine, fieldValue, fieldsWhere, hasField, singleLine } from './field-lines.ts';
import type { Fields } from './fields.ts';
import { parseHttpDate } from './http-date.ts';

export interface ConditionalRequest {
  readonly method: string;
  readonly fields: Fields;
}

export interface StoredAnswer {
  readonly status: number;
  readonly fields: Fields;
}

/**
 * Judges `If-None-Match` and `If-Modified-Since` against a stored answer that may be used (RFC 9110 §13.2.2 steps 3
 * and 4, RFC 9111 §4.3.2). They count for GET and HEAD only, and only where the answer without them would be the
 * stored 200, or a part of one. What is malformed holds nobody back: the whole answer is sent.
 *
 * `If-Match` and `If-Unmodified-Since` are the origin's to judge: see {@link concernsOrigin}.
 */
export function judgeConditions(
  request: ConditionalRequest,
  stored: StoredAnswer,
  now: number,
): 'proceed' | 'not-modified' {
  if (request.method !== 'GET' && request.method !== 'HEAD') return 'proceed';
  if (stored.status !== 200 && stored.status !== 206) return 'proceed';
  const tags = fieldValue(request.fields, 'if-none-match');
  const unchanged =
    tags === undefined
      ? unmodifiedSince(request.fields, stored.fields, now)
      : listed(tags, stored.fields);
  return unchanged ? 'not-modified' : 'proceed';
}

/**
 * Whether a request has conditions that only the origin can judge, `If-Match` or `If-Unmodified-Since`: they guard
 * against what happens to the resource there, not to a copy of it. "Not applicable to a cache" (RFC 9111 §4.3.2), so
 * such a request is passed on, and its answer is nobody else's.
 */
export function concernsOrigin(fields: Fields): boolean {
  return hasField(fields, 'if-match') || hasField(fields, 'if-unmodified-since');
}

/**
 * The fields to revalidate a stored answer with (RFC 9111 §4.3.1): both validators, word for word, as far as they are
 * there and well-formed. Empty when the origin cannot be asked that way.
 */
export function validators(stored: Fields, now: number): string[] {
  const fields: string[] = [];
  const tag = entityTagOf(stored);
  if (tag !== undefined) fields.push('If-None-Match', tag);
  const modified = singleLine(stored, 'last-modified');
  if (modified !== undefined && parseHttpDate(modified, now) !== undefined)
    fields.push('If-Modified-Since', modified);
  return fields;
}

/**
 * The fields of a request for a fetch that is to fill the cache: without those that would make the answer less than
 * the whole (a 304 or 206 that fits this one client), which are judged here afterwards. `If-Match` and
 * `If-Unmodified-Since` stay: a request with them fills no cache, and to lose them would lose an update.
 */
export function withoutConditions(fields: Fields): string[] {
  return fieldsWhere(fields, (lower) => !answeredHere.has(lower));
}

const answeredHere: ReadonlySet<string> = new Set([
  'if-none-match',
  'if-modified-since',
  'if-range',
  'range',
]);

function listed(value: string, stored: Fields): boolean {
  const tag = entityTagOf(stored);
  // What a browser sends nearly always: the one tag it was given.
  if (tag !== undefined && value === tag) return true;
  const tags = parseEntityTags(value);
  if (tags === '*') return true;
  return tag !== undefined && tags?.some((other) => matchesWeakly(tag, other)) === true;
}

/** RFC 9111 §4.3.2: `Date` stands in for a missing `Last-Modified`, but not for a malformed one. */
function unmodifiedSince(request: Fields, stored: Fields, now: number): boolean {
  const since = dateLine(request, 'if-modified-since', now);
  if (since === undefined) return false;
  const name = hasField(stored, 'last-modified') ? 'last-modified' : 'date';
  const modified = dateLine(stored, name, now);
  return modified !== undefined && modified <= since;
}
