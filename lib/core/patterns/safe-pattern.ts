import { RE2JS } from 're2js';
import { z } from 'zod';
import { clock } from '../clock.ts';
import { OptionsError } from '../errors.ts';
import { quote } from '../wording.ts';
import { costOf } from './regexp-cost.ts';
import { parseRegExp, UnsafePattern, type Node } from './regexp-syntax.ts';
import { re2Source } from './re2-source.ts';

/** What a RegExp is made of. */
export type Pattern = Pick<RegExp, 'source' | 'flags'>;

export interface PatternMatch {
  /** Where in the text it begins, in UTF-16 units. */
  readonly index: number;
  readonly text: string;
}

/**
 * A regular expression that takes a time in proportion to the length of the text, whatever the pattern and the text.
 * It has no state: the same text always gives the same answer.
 */
export interface SafePattern {
  readonly source: string;
  readonly flags: string;
  /** The most steps it may need for a character of the text; nearly always it needs far less. */
  readonly cost: number;
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /**
   * Matches from left to right, without overlap; empty ones are left out.
   *
   * @param most the search ends after so many (1000), or when it takes too long because matches have no end
   */
  matches(text: string, most?: number): PatternMatch[];
  /** As a regular expression is written: `/source/flags`. */
  toString(): string;
}

const longestSource = 4096;
/** Instructions of RE2's machine; in the worst case it goes through all of them for each character. */
const largestProgram = 2000;
/** Steps of the native engine for each character, in the worst case: beyond that RE2 is the faster one. */
const mostSteps = 250;
/** Bytes that RE2 may keep of each pattern's states; its own default is 8 MB. */
const mostMemory = 1024 * 1024;
const mostMatches = 1000;
/** Milliseconds: where each match needs a look at all the rest of the text, the search ends after that. */
const longestSearch = 200;
/** They say where to begin, or what to tell. */
const positional = /[gyd]/g;

/**
 * Compiles a user's pattern so that no text can stall the process. What is proven to take no more than a few steps
 * for each character is run by the native engine, everything else by RE2 (Cox, "Regular Expression Matching in the
 * Wild", 2010), which has no backreferences and no lookaround.
 *
 * Flags i, m, s and u are honoured; g and y, which only say where to begin, are not. With RE2 letters are compared as
 * with flag u, and a line ends with `\n` or `\r\n`.
 *
 * @param pattern a RegExp, its source, or source and flags as a RegExp has them
 * @param owner whose option it is, for the error
 * @throws {OptionsError} when the pattern is malformed or cannot be run in bounded time
 */
export function safePattern(pattern: Pattern | string, owner = 'safePattern'): SafePattern {
  const compiled = compile(pattern);
  if (compiled instanceof UnsafePattern)
    throw new OptionsError(owner, [`${shown(pattern)} ${compiled.message}`]);
  return compiled;
}

/** A RegExp (or its source) as an option. */
export function patternField(): z.ZodType<SafePattern, RegExp | string> {
  return z
    .custom<RegExp | string>((value) => typeof value === 'string' || value instanceof RegExp, {
      error: ({ input }) => `${quote(input)} is no pattern; use a RegExp or its source as a string`,
    })
    .transform((value, context) => {
      const compiled = compile(value);
      if (!(compiled instanceof UnsafePattern)) return compiled;
      context.addIssue({
        code: 'custom',
        message: `${shown(value)} ${compiled.message}`,
        input: value,
      });
      return z.NEVER;
    });
}

function compile(pattern: Pattern | string): SafePattern | UnsafePattern {
  const source = typeof pattern === 'string' ? pattern : pattern.source;
  const flags = typeof pattern === 'string' ? '' : pattern.flags;
  try {
    if (flags.includes('v')) throw new UnsafePattern('has flag v; use u');
    if (source.length > longestSource)
      throw new UnsafePattern(`is longer than ${longestSource} characters; split it`);
    const kept = flags.replace(positional, '');
    return compileSource(source, kept);
  } catch (error) {
    if (error instanceof UnsafePattern) return error;
    return new UnsafePattern(`is no regular expression: ${(error as Error).message}`);
  }
}

function compileSource(source: string, flags: string): SafePattern {
  // Throws at what is malformed, in JavaScript's own words.
  new RegExp(source, flags);
  const tree = parseRegExp(source, flags);
  const { first, later } = costOf(tree, flags.includes('m'));
  const steps = Math.max(first.factor, later.factor);
  // Only at the begin of the text the whole of it may be looked at.
  const native = later.degree === 0 && first.degree <= 1 && steps <= mostSteps;
  return native ? new NativePattern(source, flags, steps) : new LinearPattern(source, flags, tree);
}

class NativePattern implements SafePattern {
  readonly source: string;
  readonly flags: string;
  readonly cost: number;
  readonly #once: RegExp;
  readonly #global: RegExp;

  constructor(source: string, flags: string, cost: number) {
    this.source = source;
    this.flags = flags;
    this.cost = cost;
    this.#once = new RegExp(source, flags);
    this.#global = new RegExp(source, `${flags}g`);
  }

  test(text: string): boolean {
    return this.#once.test(text);
  }

  matches(text: string, most: number = mostMatches): PatternMatch[] {
    const found: PatternMatch[] = [];
    // matchAll works on a copy: no lastIndex lives on.
    for (const { 0: match, index } of text.matchAll(this.#global)) {
      if (match !== '') found.push({ index, text: match });
      if (found.length >= most) break;
    }
    return found;
  }

  toString(): string {
    return `/${this.source}/${this.flags}`;
  }
}

class LinearPattern implements SafePattern {
  readonly source: string;
  readonly flags: string;
  readonly cost: number;
  readonly #re2: RE2JS;

  constructor(source: string, flags: string, tree: Node) {
    this.source = source;
    this.flags = flags;
    const ignoreCase = flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0;
    this.#re2 = compileRe2(re2Source(tree, flags.includes('m')), ignoreCase);
    this.cost = this.#re2.programSize();
    if (this.cost > largestProgram)
      throw new UnsafePattern(
        `is too large (${this.cost} instructions, at most ${largestProgram}); repeat less often or split it`,
      );
  }

  test(text: string): boolean {
    return this.#re2.test(text);
  }

  matches(text: string, most: number = mostMatches): PatternMatch[] {
    const found: PatternMatch[] = [];
    const end = clock.monotonic() + longestSearch;
    const matcher = this.#re2.matcher(text);
    while (found.length < most && matcher.find()) {
      const match = matcher.group();
      if (match !== null && match !== '') found.push({ index: matcher.start(), text: match });
      if (clock.monotonic() > end) break;
    }
    return found;
  }

  toString(): string {
    return `/${this.source}/${this.flags}`;
  }
}

/** @throws {UnsafePattern} where RE2 has a limit that JavaScript has not */
function compileRe2(source: string, flags: number): RE2JS {
  try {
    const compiled = RE2JS.compile(source, flags);
    const { dfa } = compiled.re2();
    dfa.stateBudget = dfa.memBudget = mostMemory;
    return compiled;
  } catch (error) {
    throw new UnsafePattern(
      `is beyond what RE2 can do (${(error as Error).message}); repeat less often or split it`,
    );
  }
}

function shown(pattern: Pattern | string): string {
  const text = typeof pattern === 'string' ? `/${pattern}/` : `/${pattern.source}/${pattern.flags}`;
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
