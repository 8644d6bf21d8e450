import { cacheControlOf, type CacheControl } from './cache-control.ts';
import type { Argument } from './directives.ts';
import { parseDictionary } from './parse-structured-field.ts';
import { isInnerList, type Member } from './structured-fields.ts';

/**
 * Reads `CDN-Cache-Control` (RFC 9213): a dictionary of structured fields, strictly. Where it can be read it stands
 * for Cache-Control and Expires together.
 *
 * A value of the wrong type is what a malformed argument is to Cache-Control, e.g. `max-age="60"` is 0.
 *
 * @param lines all lines of the field
 * @returns undefined when it is missing, empty or malformed: then it is as if it were not there (RFC 9213 §2.1)
 */
export function parseTargetedCacheControl(lines: readonly string[]): CacheControl | undefined {
  if (lines.length === 0) return undefined;
  const dictionary = parseDictionary(lines.join(','));
  if (dictionary === undefined || dictionary.size === 0) return undefined;
  return cacheControlOf(
    [...dictionary]
      .filter(([, member]) => isInnerList(member) || member.value.value !== false)
      .map(([name, member]) => [name, argumentOf(name, member)] as const),
  );
}

function argumentOf(name: string, member: Member): Argument {
  const namesFields = name === 'no-cache' || name === 'private';
  if (isInnerList(member))
    return namesFields ? member.items.map((item) => String(item.value.value)).join(',') : null;
  const { kind, value } = member.value;
  switch (kind) {
    case 'boolean':
      return undefined;
    case 'integer':
      return namesFields ? null : String(value);
    case 'string':
    case 'token':
      return namesFields ? value : null;
    default:
      return null;
  }
}
