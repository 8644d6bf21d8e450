import { parseCacheControl, type CacheControl } from './cache-control.ts';
import { isEntityTag } from './etag.ts';
import { trimmed } from './field-lines.ts';
import { listTokens, type Fields } from './fields.ts';
import { parseHttpDate } from './http-date.ts';
import { lowerName } from './memo.ts';
import { parseTargetedCacheControl } from './targeted-cache-control.ts';

/** What an answer says about its caching. */
export interface CachingFields {
  /** CDN-Cache-Control where that can be read (RFC 9213), else Cache-Control. */
  readonly control: CacheControl;
  /** All lines; none when CDN-Cache-Control stands for them. */
  readonly expires: readonly string[];
  /** Wall-clock milliseconds; undefined when there is none or it is no date. */
  readonly date: number | undefined;
  /** The same. One that comes twice is none: it could not be validated with. */
  readonly lastModified: number | undefined;
  /** First line. */
  readonly age: string | undefined;
  /** One entity tag, well-formed. */
  readonly hasEtag: boolean;
  readonly setsCookie: boolean;
  /** A member of Vary is `*`, wherever it stands. */
  readonly variesByAnything: boolean;
  readonly contentLocation: readonly string[];
}

/** Reads them in one pass. */
export function readCachingFields(fields: Fields, now: number): CachingFields {
  const controls: string[] = [];
  const targeted: string[] = [];
  const expires: string[] = [];
  const contentLocation: string[] = [];
  let date: string | undefined;
  const lastModified: string[] = [];
  const etags: string[] = [];
  let age: string | undefined;
  let setsCookie = false;
  let variesByAnything = false;
  for (let index = 0; index < fields.length; index += 2) {
    const value = trimmed(fields[index + 1] as string);
    switch (lowerName(fields[index] as string)) {
      case 'cache-control':
        controls.push(value);
        break;
      case 'cdn-cache-control':
        targeted.push(value);
        break;
      case 'expires':
        expires.push(value);
        break;
      case 'date':
        date ??= value;
        break;
      case 'last-modified':
        lastModified.push(value);
        break;
      case 'age':
        age ??= value;
        break;
      case 'etag':
        etags.push(value);
        break;
      case 'set-cookie':
        setsCookie = true;
        break;
      case 'vary':
        variesByAnything ||= value.includes('*') && listTokens(value).includes('*');
        break;
      case 'content-location':
        contentLocation.push(value);
        break;
    }
  }
  const target = parseTargetedCacheControl(targeted);
  return {
    control: target ?? parseCacheControl(controls),
    expires: target === undefined ? expires : [],
    date: date === undefined ? undefined : parseHttpDate(date, now),
    lastModified:
      lastModified.length === 1 ? parseHttpDate(lastModified[0] as string, now) : undefined,
    age,
    hasEtag: etags.length === 1 && isEntityTag(etags[0] as string),
    setsCookie,
    variesByAnything,
    contentLocation,
  };
}
