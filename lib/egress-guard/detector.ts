import type { EgressRule, Severity } from './rules.ts';

/** A piece of something that leaves, with what stands before and after it as far as that is known. */
export interface View {
  /** One character for each byte (latin1). */
  readonly text: string;
  readonly bytes: Buffer;
  /** Of the first byte, in the whole. */
  readonly offset: number;
  /** Only what begins from here … */
  readonly from: number;
  /** … to here is looked for: what begins later is seen better the next time. */
  readonly to: number;
}

/** Something that a detector has seen, and where. It is never kept, nor told to anybody but a keyed digest. */
export interface Sighting {
  readonly rule: EgressRule;
  readonly kind: string;
  readonly severity: Severity;
  /** Place in the view. */
  readonly at: number;
  readonly value: string;
  /** Different values of the kind so far, where one alone says nothing. */
  readonly values?: number;
}

/** Looks for one kind of thing in one body. Whatever begins at `at` shows within `maxReach` bytes, and `maxContext` around. */
export interface Detector {
  /** Where this is not, neither is what the detector looks for: one look that several of them share. */
  readonly hint?: RegExp | undefined;
  scan(view: View): Sighting | undefined;
}

/** No detector looks further behind the beginning of what it looks for, context and all. */
export const maxReach = 2560;
/** Nor further to the front. */
export const maxBefore = 1280;
/** Characters on both sides in which a keyword counts; in bytes up to four times as many. */
const near = 300;

/** Whether one of the words stands within 300 characters of what lies between. */
export function hasKeywordNear(
  text: string,
  start: number,
  end: number,
  keywords: RegExp,
): boolean {
  const before = lastCharacters(text.slice(Math.max(0, start - near * 4), start));
  const after = firstCharacters(text.slice(end, end + near * 4));
  return keywords.test(before) || keywords.test(after);
}

/** Bytes from 0x80 to 0xbf continue a character in UTF-8. */
function continues(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x80 && code <= 0xbf;
}

function lastCharacters(text: string): string {
  let count = 0;
  for (let index = text.length - 1; index >= 0; index--)
    if (!continues(text, index) && ++count === near) return text.slice(index);
  return text;
}

function firstCharacters(text: string): string {
  let count = 0;
  for (let index = 0; index < text.length; index++)
    if (!continues(text, index) && ++count > near) return text.slice(0, index);
  return text;
}
