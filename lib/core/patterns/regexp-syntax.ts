import { any, anyButLineEnds, classEscape, union, type CodePoints } from './code-points.ts';

/** `\p{…}` or `\P{…}`. */
export interface Property {
  readonly name: string;
  readonly negated: boolean;
}

/** One character out of a set. */
export interface CharacterSet {
  readonly kind: 'set';
  readonly points: CodePoints;
  readonly properties: readonly Property[];
  readonly negated: boolean;
}

/** A JavaScript regular expression, taken apart (ECMA-262 §22.2.1 and Annex B.1.2). */
export type Node =
  | CharacterSet
  | { readonly kind: 'sequence' | 'choice'; readonly items: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly item: Node;
      readonly min: number;
      /** Infinity when there is no end. */
      readonly max: number;
      readonly lazy: boolean;
    }
  | { readonly kind: 'assertion'; readonly name: 'start' | 'end' | 'boundary' | 'no boundary' }
  | { readonly kind: 'lookaround'; readonly item: Node; readonly behind: boolean };

/** What cannot be run in bounded time, or is not understood; the message says what and how to do without. */
export class UnsafePattern extends Error {}

/** More levels of groups no author means. */
const deepest = 100;
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };
const quantifier = /(?:([*+?])|\{(\d+)(,?)(\d*)\})(\??)/y;
const opening = /\((?:\?(?::|<[^=!>][^>]*>|(<?)[=!]))?/y;
const hexadecimal = /\\(?:x([\da-f]{2})|u([\da-f]{4})|u\{([\da-f]+)\})/iy;
const property = /\\([pP])\{([^}]+)\}/y;
const control = /\\c([a-z])/iy;

/**
 * Takes a pattern apart that `new RegExp(source, flags)` has accepted.
 *
 * @throws {UnsafePattern}
 */
export function parseRegExp(source: string, flags: string): Node {
  return new Parser(source, flags).parse();
}

class Parser {
  readonly #source: string;
  readonly #flags: string;
  #at = 0;
  #depth = 0;

  constructor(source: string, flags: string) {
    this.#source = source;
    this.#flags = flags;
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#source.length) throw new UnsafePattern(`has an unexpected ${this.#next}`);
    return node;
  }

  get #next(): string {
    return this.#source.charAt(this.#at);
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found === null) return undefined;
    this.#at += found[0].length;
    return found;
  }

  #takeCharacter(character: string): boolean {
    if (this.#next !== character) return false;
    this.#at++;
    return true;
  }

  #choice(): Node {
    const items = [this.#sequence()];
    while (this.#takeCharacter('|')) items.push(this.#sequence());
    return items.length === 1 ? (items[0] as Node) : { kind: 'choice', items };
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (this.#at < this.#source.length && this.#next !== '|' && this.#next !== ')')
      items.push(this.#quantified(this.#atom()));
    return items.length === 1 ? (items[0] as Node) : { kind: 'sequence', items };
  }

  #quantified(item: Node): Node {
    const [, sign, least, comma, most, question] = this.#take(quantifier) ?? [];
    if (sign === undefined && least === undefined) return item;
    const lazy = question === '?';
    if (sign !== undefined)
      return {
        kind: 'repeat',
        item,
        min: sign === '+' ? 1 : 0,
        max: sign === '?' ? 1 : Infinity,
        lazy,
      };
    const max = comma === '' ? Number(least) : most === '' ? Infinity : Number(most);
    return { kind: 'repeat', item, min: Number(least), max, lazy };
  }

  #atom(): Node {
    switch (this.#next) {
      case '^':
        this.#at++;
        return { kind: 'assertion', name: 'start' };
      case '$':
        this.#at++;
        return { kind: 'assertion', name: 'end' };
      case '.':
        this.#at++;
        return setOf(this.#flags.includes('s') ? any : anyButLineEnds);
      case '(':
        return this.#group();
      case '[':
        return this.#class();
      case '\\':
        if (/\\b/iy.test(this.#source.slice(this.#at, this.#at + 2))) {
          this.#at += 2;
          const name = this.#source.charAt(this.#at - 1) === 'b' ? 'boundary' : 'no boundary';
          return { kind: 'assertion', name };
        }
        return this.#member();
      default:
        return this.#member();
    }
  }

  #group(): Node {
    if (++this.#depth > deepest)
      throw new UnsafePattern(`has more than ${deepest} levels of groups`);
    const [all, behind] = this.#take(opening) as RegExpExecArray;
    if (all === '(' && this.#next === '?')
      throw new UnsafePattern('sets flags inside of the pattern; set them for all of it');
    const item = this.#choice();
    this.#takeCharacter(')');
    this.#depth--;
    if (behind === undefined) return item;
    return { kind: 'lookaround', item, behind: behind === '<' };
  }

  #class(): Node {
    this.#at++;
    const negated = this.#takeCharacter('^');
    const members: CharacterSet[] = [];
    while (!this.#takeCharacter(']')) {
      const first = this.#member(true);
      const start = only(first);
      const before = this.#at;
      if (start === undefined || !this.#takeCharacter('-') || this.#next === ']') {
        this.#at = before;
        members.push(first);
        continue;
      }
      const last = this.#member(true);
      const end = only(last);
      // Annex B: in `[a-\d]` the hyphen is one.
      if (end === undefined) members.push(first, setOf([[0x2d, 0x2d]]), last);
      else members.push(setOf([[start, end]]));
    }
    return {
      kind: 'set',
      points: union(...members.map(({ points }) => points)),
      properties: members.flatMap(({ properties }) => properties),
      negated,
    };
  }

  /** A character, or an escape that stands for one or several, in a class or out of it. */
  #member(inClass = false): CharacterSet {
    if (!this.#source.startsWith('\\', this.#at)) return setOf(this.#codePoint());
    const unicode = this.#flags.includes('u');
    const [, sign, name] = unicode ? (this.#take(property) ?? []) : [];
    if (name !== undefined)
      return {
        kind: 'set',
        points: [],
        properties: [{ name, negated: sign === 'P' }],
        negated: false,
      };
    const point = this.#hexadecimal(unicode);
    if (point !== undefined) return setOf(point);
    const letter = this.#take(control)?.[1];
    if (letter !== undefined) return setOf(letter.charCodeAt(0) % 32);
    this.#at++;
    const escaped = this.#source.charAt(this.#at);
    if (/[1-9]/.test(escaped) || (escaped === '0' && /\d/.test(this.#source.charAt(this.#at + 1))))
      throw new UnsafePattern(
        `has the backreference or octal escape \\${escaped}; write out what is meant`,
      );
    if (escaped === 'k' && !inClass && (unicode || this.#source.includes('(?<')))
      throw new UnsafePattern('has the backreference \\k; write out what is meant');
    // Annex B: `\c` without a letter is a backslash.
    if (escaped === 'c') return setOf(0x5c);
    const points = classEscape(escaped, this.#flags.includes('i'));
    if (points !== undefined) {
      this.#at++;
      return setOf(points);
    }
    const value = escaped === 'b' ? 8 : controls[escaped];
    if (value === undefined) return setOf(this.#codePoint());
    this.#at++;
    return setOf(value);
  }

  #hexadecimal(unicode: boolean): number | undefined {
    const before = this.#at;
    const [, two, four, braces] = this.#take(hexadecimal) ?? [];
    if (braces !== undefined && !unicode) {
      // Without flag u, `\u{61}` is 61 times a u.
      this.#at = before;
      return undefined;
    }
    const digits = two ?? four ?? braces;
    if (digits === undefined) return undefined;
    const point = parseInt(digits, 16);
    if (point < 0xd800 || point > 0xdbff || four === undefined) return point;
    const trail = /\\u(d[c-f][\da-f]{2})/iy;
    const second = this.#take(trail)?.[1];
    if (second === undefined) return point;
    return (point - 0xd800) * 0x400 + (parseInt(second, 16) - 0xdc00) + 0x10000;
  }

  #codePoint(): number {
    const point = this.#source.codePointAt(this.#at) ?? 0x5c;
    this.#at += point > 0xffff ? 2 : 1;
    return point;
  }
}

function setOf(points: CodePoints | number): CharacterSet {
  return {
    kind: 'set',
    points: typeof points === 'number' ? [[points, points]] : points,
    properties: [],
    negated: false,
  };
}

function only({ points, properties }: CharacterSet): number | undefined {
  const [range] = points;
  if (range === undefined || points.length > 1 || properties.length > 0) return undefined;
  return range[0] === range[1] ? range[0] : undefined;
}
