import { entityTagOf } from './etag.ts';
import { fieldsWhere } from './field-lines.ts';
import type { Fields } from './fields.ts';

/** What tells of a body that a 304 does not have, or is not for those who only ask whether it changed. */
const dropped: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'repr-digest',
  'set-cookie',
  'set-cookie2',
  'trailer',
  'transfer-encoding',
]);

/**
 * The fields of a 304 made from a stored answer (RFC 9110 §15.4.5): Cache-Control, Content-Location, Date, ETag,
 * Expires and Vary as they are; `Last-Modified` only where there is no entity tag; no other metadata of the
 * representation, as the client has it; never a cookie. Everything else (CORS, security fields, the app's own) stays.
 * `Age` is the caller's: it goes through as given.
 */
export function notModifiedFields(stored: Fields): string[] {
  const tagged = entityTagOf(stored) !== undefined;
  return fieldsWhere(
    stored,
    (lower) => !dropped.has(lower) && !(tagged && lower === 'last-modified'),
  );
}
