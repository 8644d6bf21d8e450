/** Characters on both sides in which a keyword counts; in bytes up to four times as many. */
const near = 300;
const nearBytes = near * 4;

/** Whether a keyword stands near places of a text. Asked for in order, they cost three looks through all of it at most. */
export class KeywordSearch {
  readonly #searches: readonly PatternSearch[];

  /** @param patterns of `keywordPatterns()` */
  constructor(patterns: readonly RegExp[]) {
    this.#searches = patterns.map((pattern) => new PatternSearch(pattern));
  }

  /** Whether one stands within 300 characters of what lies between; in text of one character for each byte. */
  isNear(text: string, start: number, end: number): boolean {
    return this.#searches.some((search) => search.isNear(text, start, end));
  }
}

class PatternSearch {
  /** So far away that characters need not be counted. */
  readonly #roughly: Cursor;
  readonly #before: Cursor;
  readonly #behind: Cursor;

  constructor(pattern: RegExp) {
    this.#roughly = new Cursor(pattern);
    this.#before = new Cursor(pattern);
    this.#behind = new Cursor(pattern);
  }

  isNear(text: string, start: number, end: number): boolean {
    if (this.#roughly.next(text, start - nearBytes).end > end + nearBytes) return false;
    if (this.#before.next(text, placeBefore(text, start)).end <= start) return true;
    return this.#behind.next(text, end).end <= placeBehind(text, end);
  }
}

interface Found {
  readonly start: number;
  readonly end: number;
}

/** Where the next keyword is; it is looked for again when that has been passed. */
class Cursor {
  readonly #pattern: RegExp;
  #text = '';
  #from = 0;
  #found: Found = nowhere;

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  next(text: string, from: number): Found {
    const found = this.#found;
    if (this.#text === text && from >= this.#from && from <= found.start) return found;
    this.#pattern.lastIndex = Math.max(0, from);
    const match = this.#pattern.exec(text);
    this.#text = text;
    this.#from = from;
    this.#found =
      match === null ? nowhere : { start: match.index, end: match.index + match[0].length };
    return this.#found;
  }
}

const nowhere: Found = { start: Infinity, end: Infinity };

/** Bytes from 0x80 to 0xbf continue a character in UTF-8. */
function continues(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0x80 && code <= 0xbf;
}

function placeBefore(text: string, start: number): number {
  const most = Math.max(0, start - nearBytes);
  let place = start;
  for (let count = 0; place > most; place -= 1)
    if (!continues(text, place - 1) && ++count === near) return place - 1;
  return place;
}

function placeBehind(text: string, end: number): number {
  const most = Math.min(text.length, end + nearBytes);
  let place = end;
  for (let count = 0; place < most; place += 1)
    if (!continues(text, place) && ++count > near) return place;
  return place;
}
