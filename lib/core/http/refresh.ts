import { entityTagOf, isWeak, matchesWeakly } from './etag.ts';
import { dateLine, fieldValue, fieldsWhere, trimmed } from './field-lines.ts';
import type { Fields } from './fields.ts';
import { lowerName } from './memo.ts';
import { storedFields } from './stored-fields.ts';

/**
 * What an answer without a body does not update (RFC 9111 §3.2): the length, coding and checksums of the body that is
 * stored; and cookies, which are for the one client whose request went out.
 */
const notUpdated: ReadonlySet<string> = new Set([
  'content-digest',
  'content-encoding',
  'content-length',
  'content-md5',
  'content-range',
  'set-cookie',
  'set-cookie2',
  'trailer',
]);

/**
 * The stored fields as a 304 updates them (RFC 9111 §3.2, §4.3.4): each field of the 304 takes the place of all stored
 * lines of that name, but for what tells of the stored body, cookies and the connection's own. `Age` and `Date` speak
 * of a message: those of the 304 count, even when it has none. A 304 may weaken the entity tag, never strengthen it.
 *
 * @param received wall-clock milliseconds at which the 304 came
 * @param without lower-cased names its `no-cache` and `private` name
 */
export function refreshed(
  stored: Fields,
  from304: Fields,
  received: number,
  without: readonly string[] = [],
): string[] {
  const weakens = isWeak(entityTagOf(from304) ?? '') && entityTagOf(stored) !== undefined;
  const updates = fieldsWhere(
    storedFields(from304, without, received),
    (lower) => !notUpdated.has(lower) && (lower !== 'etag' || weakens),
  );
  const replaced = new Set(['age', ...without]);
  for (let index = 0; index < updates.length; index += 2)
    replaced.add(lowerName(updates[index] as string));
  return [...fieldsWhere(stored, (lower) => !replaced.has(lower)), ...updates];
}

/**
 * Whether a 304 is about this stored answer (RFC 9111 §4.3.4): the validators it has are those that are stored. The
 * entity tag decides where both have one, otherwise Last-Modified; a 304 without either answers what was asked.
 *
 * Tags are compared weakly, as `If-None-Match` is: nginx weakens those of what it compresses, but not those of its
 * 304s. When this is false, the request is to be made again without conditions.
 */
export function matches304(stored: Fields, from304: Fields, now: number): boolean {
  return compareValidators(stored, from304, now) !== 'different';
}

/**
 * The stored fields of a GET as a 200 to HEAD updates them (RFC 9111 §4.3.5), or `outdated` when the HEAD tells of
 * another representation: a validator or the length differs. A HEAD that has no validator in common with what is
 * stored proves nothing, nor does one in another content coding: the fields stay as they are.
 *
 * @param size length of the stored body
 * @param received wall-clock milliseconds at which the answer to HEAD came
 */
export function refreshedByHead(
  stored: Fields,
  size: number,
  head: Fields,
  received: number,
): Fields | 'outdated' {
  const compared = compareValidators(stored, head, received);
  if (compared === 'different') return 'outdated';
  if (fieldValue(head, 'content-encoding') !== fieldValue(stored, 'content-encoding'))
    return stored;
  const length = fieldValue(head, 'content-length');
  if (length !== undefined && trimmed(length) !== String(size)) return 'outdated';
  return compared === 'same' ? refreshed(stored, head, received) : stored;
}

function compareValidators(
  stored: Fields,
  other: Fields,
  now: number,
): 'same' | 'different' | 'unknown' {
  const tag = entityTagOf(other);
  const storedTag = entityTagOf(stored);
  if (tag !== undefined && storedTag !== undefined)
    return matchesWeakly(tag, storedTag) ? 'same' : 'different';
  const modified = dateLine(other, 'last-modified', now);
  const storedModified = dateLine(stored, 'last-modified', now);
  if (modified !== undefined && storedModified !== undefined)
    return modified === storedModified ? 'same' : 'different';
  // A validator of a kind that is not stored cannot be that of what is stored.
  return tag === undefined && modified === undefined ? 'unknown' : 'different';
}
