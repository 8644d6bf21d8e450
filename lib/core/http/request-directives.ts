import { noDirectives, parseCacheControl, type CacheControl } from './cache-control.ts';
import type { Fields } from './fields.ts';

const pragmaNoCache: CacheControl = Object.freeze({ ...noDirectives, noCache: true });

/**
 * What a request asks of caches: its Cache-Control, else `Pragma: no-cache` (RFC 9111 §5.4).
 *
 * @returns undefined when it says nothing, which is the way of most requests
 */
export function requestDirectives(fields: Fields): CacheControl | undefined {
  let only: string | undefined;
  let lines: string[] | undefined;
  let pragma = false;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    // Nearly all fields are told from these two by their length.
    if (name.length === 13 && name.toLowerCase() === 'cache-control') {
      const value = fields[index + 1] as string;
      if (only === undefined) only = value;
      else (lines ??= [only]).push(value);
    } else if (name.length === 6 && name.toLowerCase() === 'pragma')
      pragma ||= hasNoCache(fields[index + 1] as string);
  }
  if (only !== undefined) return unqualified(parseCacheControl(lines ?? [only]));
  return pragma ? pragmaNoCache : undefined;
}

function hasNoCache(value: string): boolean {
  return unqualified(parseCacheControl([value])).noCache;
}

/** Requests know no `no-cache` with field names; one that has them demands validation all the same. */
function unqualified(control: CacheControl): CacheControl {
  return control.noCacheFields.length === 0 ? control : { ...control, noCache: true };
}
