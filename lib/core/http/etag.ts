import { singleLine, trimmed } from './field-lines.ts';
import type { Fields } from './fields.ts';

const pattern = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;
/** One tag of a list; members may be empty (RFC 9110 §5.6.1.2). Sticky: what is no list stops it. */
const member = /[ \t,]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)/y;
const rest = /[ \t,]*$/y;

/** Whether this is one entity tag, weak or strong, and nothing else (RFC 9110 §8.8.3). `W` is case-sensitive. */
export function isEntityTag(value: string): boolean {
  return pattern.test(value);
}

/** The entity tag of an answer; undefined when there is none, several, or one that breaks the grammar. */
export function entityTagOf(fields: Fields): string | undefined {
  const value = singleLine(fields, 'etag');
  return value !== undefined && isEntityTag(value) ? value : undefined;
}

/**
 * Reads the value of `If-None-Match` or `If-Match` (RFC 9110 §13.1.1, §13.1.2). Commas within a tag belong to it.
 *
 * @returns undefined when any part of it is not an entity tag
 */
export function parseEntityTags(value: string): readonly string[] | '*' | undefined {
  const text = trimmed(value);
  if (text === '*') return '*';
  const tags: string[] = [];
  let at = 0;
  for (;;) {
    member.lastIndex = at;
    const found = member.exec(text);
    if (found === null) break;
    tags.push(found[1] as string);
    at = member.lastIndex;
  }
  rest.lastIndex = at;
  return tags.length > 0 && rest.test(text) ? tags : undefined;
}

export function isWeak(tag: string): boolean {
  return tag.startsWith('W/');
}

/** RFC 9110 §8.8.3.2, weak comparison: the tags are the same but for their strength. */
export function matchesWeakly(one: string, other: string): boolean {
  return opaque(one) === opaque(other);
}

/** RFC 9110 §8.8.3.2, strong comparison: the tags are the same and neither is weak. */
export function matchesStrongly(one: string, other: string): boolean {
  return one === other && !isWeak(one);
}

function opaque(tag: string): string {
  return isWeak(tag) ? tag.slice(2) : tag;
}
