import type { PatternMatch, SafePattern } from '../core/patterns/safe-pattern.ts';
import type { Detector, Sighting, View } from './detector.ts';
import { KeywordSearch } from './keyword-search.ts';
import { keywordPatterns } from './keywords.ts';
import type { Severity } from './rules.ts';

export interface CompiledPattern {
  readonly name: string;
  readonly pattern: SafePattern;
  readonly severity: Severity;
  readonly keywords?: readonly string[] | undefined;
}

/** Bytes in front of where the search begins, for what looks back. */
const context = 256;

export function userPatternDetector(compiled: CompiledPattern): () => Detector {
  const keywords = compiled.keywords && keywordPatterns(compiled.keywords);
  return () => new UserPattern(compiled, keywords);
}

/** A pattern of ASCII is looked for byte by byte, whatever the charset; one with other letters in UTF-8. */
class UserPattern implements Detector {
  readonly #compiled: CompiledPattern;
  readonly #keywords: KeywordSearch | undefined;
  readonly #charset: 'latin1' | 'utf8';

  constructor(compiled: CompiledPattern, keywords: readonly RegExp[] | undefined) {
    this.#compiled = compiled;
    this.#keywords = keywords && new KeywordSearch(keywords);
    const { source, flags } = compiled.pattern;
    // eslint-disable-next-line no-control-regex -- all of ASCII
    const ascii = /^[\x00-\x7f]*$/.test(source) && !/\\u|\\p/i.test(source) && !flags.includes('u');
    this.#charset = ascii ? 'latin1' : 'utf8';
  }

  scan(view: View): Sighting | undefined {
    const start = boundary(view.bytes, Math.max(0, view.from - context));
    for (const { index, text } of this.#matches(view.bytes, start, view.from)) {
      if (index >= view.to) return undefined;
      const { name, severity } = this.#compiled;
      const end = index + Buffer.byteLength(text, this.#charset);
      if (this.#keywords?.isNear(view.text, index, end) !== false)
        return { rule: 'pattern', kind: name, severity, at: index, value: text };
    }
    return undefined;
  }

  /** From here on, as places in bytes. */
  #matches(bytes: Buffer, start: number, from: number): PatternMatch[] {
    const { pattern } = this.#compiled;
    const text = bytes.toString(this.#charset, start);
    const placed = this.#placed(pattern.matches(text, text.length), text, start);
    const begun = placed.filter(({ index }) => index >= from);
    // One that began before may hide another; it was judged before.
    const hidden = placed.some(
      ({ index, text: match }) => index < from && index + match.length > from,
    );
    if (!hidden || from === start) return begun;
    const rest = bytes.toString(this.#charset, from);
    return this.#placed(pattern.matches(rest, rest.length), rest, from);
  }

  #placed(matches: readonly PatternMatch[], text: string, start: number): PatternMatch[] {
    if (this.#charset === 'latin1')
      return matches.map((match) => ({ ...match, index: start + match.index }));
    let units = 0;
    let bytes = start;
    return matches.map((match) => {
      bytes += Buffer.byteLength(text.slice(units, match.index));
      units = match.index;
      return { ...match, index: bytes };
    });
  }
}

/** The beginning of the character in UTF-8 that this byte belongs to. */
function boundary(bytes: Buffer, at: number): number {
  let place = at;
  while (place > 0 && at - place < 3 && ((bytes[place] as number) & 0xc0) === 0x80) place--;
  return place;
}
