import type { Fields } from './fields.ts';
import { parseHttpDate } from './http-date.ts';
import { lowerName } from './memo.ts';

const none: readonly string[] = [];

/** The values of all lines of a field, in order and as they came. `lower` is its name in lower case. */
export function fieldLines(fields: Fields, lower: string): readonly string[] {
  let lines: string[] | undefined;
  for (let index = 0; index + 1 < fields.length; index += 2)
    if (isNamed(fields[index] as string, lower)) (lines ??= []).push(fields[index + 1] as string);
  return lines ?? none;
}

/** All lines of a field as one list (RFC 9110 §5.3); undefined when there is none. */
export function fieldValue(fields: Fields, lower: string): string | undefined {
  const lines = fieldLines(fields, lower);
  return lines.length > 1 ? lines.join(', ') : lines[0];
}

/** The value of a field that may come only once; undefined when it is missing or repeated. */
export function singleLine(fields: Fields, lower: string): string | undefined {
  const lines = fieldLines(fields, lower);
  return lines.length === 1 ? trimmed(lines[0] as string) : undefined;
}

/** The HTTP-date of a field that may come only once, in milliseconds; undefined when there is none to be read. */
export function dateLine(fields: Fields, lower: string, now: number): number | undefined {
  const value = singleLine(fields, lower);
  return value === undefined ? undefined : parseHttpDate(value, now);
}

export function hasField(fields: Fields, lower: string): boolean {
  for (let index = 0; index < fields.length; index += 2)
    if (isNamed(fields[index] as string, lower)) return true;
  return false;
}

/** The fields whose lower-cased names are kept. */
export function fieldsWhere(fields: Fields, keep: (lower: string) => boolean): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2)
    if (keep(lowerName(fields[index] as string)))
      kept.push(fields[index] as string, fields[index + 1] as string);
  return kept;
}

/** Without the white space of RFC 9110 §5.6.3 around it: `trim` takes more, for one the no-break space of latin1. */
export function trimmed(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start += 1;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end -= 1;
  return end - start === value.length ? value : value.slice(start, end);
}

/**
 * What stands between the separators outside quoted strings (RFC 9110 §5.6.4), trimmed, empty parts included.
 *
 * @returns undefined when a quoted string does not end
 */
export function splitOutsideQuotes(value: string, separator: ',' | ';'): string[] | undefined {
  const code = separator.charCodeAt(0);
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at += 1) {
    const character = value.charCodeAt(at);
    if (character === quote) quoted = !quoted;
    else if (quoted && character === backslash) at += 1;
    else if (!quoted && character === code) {
      parts.push(trimmed(value.slice(start, at)));
      start = at + 1;
    }
  }
  if (quoted) return undefined;
  parts.push(trimmed(value.slice(start)));
  return parts;
}

const tab = 0x09;
const space = 0x20;
const quote = 0x22;
const backslash = 0x5c;

function isBlank(character: number): boolean {
  return character === space || character === tab;
}

function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && (name === lower || lowerName(name) === lower);
}
