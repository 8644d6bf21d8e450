import type { ConditionalRequest, StoredAnswer } from './conditional.ts';
import { entityTagOf, isEntityTag, matchesStrongly } from './etag.ts';
import { dateLine, fieldLines, fieldsWhere, trimmed } from './field-lines.ts';
import type { Fields } from './fields.ts';
import { parseHttpDate } from './http-date.ts';

export type RangeReading =
  /** The whole answer is to be sent: no range, one that is malformed or of another unit, or too much of it. */
  | { readonly kind: 'ignore' }
  /** Nothing of what is asked for exists: 416. */
  | { readonly kind: 'unsatisfiable' }
  /** Bytes `first` to `last`, both included: 206. */
  | { readonly kind: 'one'; readonly first: number; readonly last: number }
  /** Several ranges, ascending and apart: the whole answer, or passed on. */
  | { readonly kind: 'several' };

/** nginx and Apache allow far more; whoever wants more pieces than this is served well by the whole. */
const mostRanges = 16;
/** RFC 9110 §8.8.2.2: so much between Last-Modified and Date leaves no room for a second change, nor for two clocks that differ. */
const strongAfter = 60_000;

const ignore: RangeReading = { kind: 'ignore' };
const unsatisfiable: RangeReading = { kind: 'unsatisfiable' };
const several: RangeReading = { kind: 'several' };

const unit = /^bytes=/i;
const spec = /^(\d*)-(\d*)$/;

/**
 * What part of a stored answer a request asks for (RFC 9110 §14.2): only GET knows ranges, only a stored 200 is cut,
 * and only when `If-Range` holds. To be asked after {@link judgeConditions}.
 *
 * @param size see {@link readRange}
 */
export function rangeOf(
  request: ConditionalRequest,
  stored: StoredAnswer,
  size: number | undefined,
  now: number,
): RangeReading {
  if (request.method !== 'GET' || stored.status !== 200) return ignore;
  const lines = fieldLines(request.fields, 'range');
  if (lines.length === 0 || !ifRangeHolds(request.fields, stored.fields, now)) return ignore;
  return readRange(lines, size);
}

/**
 * Reads the lines of a `Range` field (RFC 9110 §14.1.2, §14.2). The unit is `bytes`. More than 16 ranges, ranges that
 * overlap and ranges out of order are ignored, as §14.2 allows against attacks (CVE-2011-3192).
 *
 * @param size length of the whole body. Undefined while it is still arriving and nobody knows: then only ranges that
 *   state both ends are read, all others are ignored (the whole is sent), none is unsatisfiable, and the caller has to
 *   have byte `last` before it answers with 206: the body may turn out to end before.
 */
export function readRange(lines: readonly string[], size: number | undefined): RangeReading {
  const value = trimmed(lines[0] ?? '');
  if (lines.length !== 1 || !unit.test(value)) return ignore;
  const members = value.slice('bytes='.length).split(',', 8 * mostRanges);
  let one: { kind: 'one'; first: number; last: number } | undefined;
  let count = 0;
  let satisfiable = 0;
  for (const member of members) {
    const text = trimmed(member);
    if (text === '') continue;
    count += 1;
    const range = count > mostRanges ? undefined : bounds(text, size);
    if (range === undefined) return ignore;
    if (range === 'outside') continue;
    if (one !== undefined && range.first <= one.last) return ignore;
    one = { kind: 'one', ...range };
    satisfiable += 1;
  }
  if (count === 0 || members.length === 8 * mostRanges) return ignore;
  if (one === undefined) return unsatisfiable;
  return satisfiable > 1 ? several : one;
}

/**
 * Whether `If-Range` lets a range be answered (RFC 9110 §13.1.5): it is missing, or names the stored answer's entity
 * tag, both strong, or its exact Last-Modified where that is a strong validator (§8.8.2.2: a minute before Date).
 */
export function ifRangeHolds(request: Fields, stored: Fields, now: number): boolean {
  const lines = fieldLines(request, 'if-range');
  if (lines.length === 0) return true;
  const value = trimmed(lines[0] as string);
  if (lines.length > 1) return false;
  if (isEntityTag(value)) {
    const tag = entityTagOf(stored);
    return tag !== undefined && matchesStrongly(value, tag);
  }
  const asked = parseHttpDate(value, now);
  const modified = dateLine(stored, 'last-modified', now);
  const date = dateLine(stored, 'date', now);
  if (asked === undefined || modified === undefined || date === undefined) return false;
  return asked === modified && date - modified >= strongAfter;
}

/** Lengths and checksums of the whole content are not those of its part. */
const ofTheWhole: ReadonlySet<string> = new Set([
  'content-digest',
  'content-length',
  'content-md5',
  'content-range',
  'trailer',
  'transfer-encoding',
]);

/**
 * The fields of a 206 with one range of a stored answer (RFC 9110 §15.3.7.1).
 *
 * @param size length of the whole; undefined while it is not known (`bytes 0-9/*`)
 */
export function partialFields(
  stored: Fields,
  first: number,
  last: number,
  size: number | undefined,
): string[] {
  const fields = fieldsWhere(stored, (lower) => !ofTheWhole.has(lower));
  fields.push('Content-Range', `bytes ${first}-${last}/${size ?? '*'}`);
  fields.push('Content-Length', String(last - first + 1));
  return fields;
}

/** The field a 416 tells the length with (RFC 9110 §15.5.17). */
export function unsatisfiableFields(size: number): string[] {
  return ['Content-Range', `bytes */${size}`];
}

/** @returns undefined when it is malformed or its end is not known */
function bounds(
  text: string,
  size: number | undefined,
): { first: number; last: number } | 'outside' | undefined {
  const [, from = '', to = ''] = spec.exec(text) ?? [];
  if (from === '' && to === '') return undefined;
  // Digits beyond what a number can hold become Infinity, which compares as it should.
  const end = to === '' ? Infinity : Number(to);
  if (from === '') return suffix(end, size);
  const first = Number(from);
  if (end < first) return undefined;
  if (size !== undefined)
    return first < size ? { first, last: Math.min(end, size - 1) } : 'outside';
  return Number.isSafeInteger(end) ? { first, last: end } : undefined;
}

function suffix(
  length: number,
  size: number | undefined,
): { first: number; last: number } | 'outside' | undefined {
  if (length === 0) return size === undefined ? undefined : 'outside';
  // Of nothing the last bytes are nothing, which Content-Range cannot say: the whole, then.
  if (size === undefined || size === 0) return undefined;
  return { first: Math.max(0, size - length), last: size - 1 };
}
