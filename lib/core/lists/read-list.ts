import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { canonicalPath, pathBytes } from '../http/path.ts';
import { guessFormat, lineReader, type KnownFormat } from './formats.ts';
import { plainHost } from './host-name.ts';
import type { ListFormat } from './options.ts';
import { readBlocks } from './read-lines.ts';
import type { LineReader, RuleSink } from './rule.ts';
import { TableBuilder, type TableMemory } from './table.ts';

export interface ListTask {
  readonly file: string;
  readonly format: ListFormat;
  /** Makes the hashes different in each process. */
  readonly seed: number;
}

export interface Expression {
  readonly source: string;
  readonly line: number;
}

/** A list as the thread has read it: all large parts are memory that is shared, not copied. */
export interface LoadedList {
  readonly format: KnownFormat;
  readonly table: TableMemory;
  /** Whether some entries have a path. */
  readonly hasPaths: boolean;
  readonly expressions: readonly Expression[];
  /** Lines that could not be used; the first ones as `line 3: 'x y' is no domain`. */
  readonly refused: { readonly count: number; readonly first: readonly string[] };
  /** Rules of kinds that cannot be judged here. */
  readonly ignored: number;
}

export const largestFile = 256 * 1024 * 1024;
const mostEntries = 20_000_000;
const mostExpressions = 1000;
const longestLine = 4096;
const longestPath = 2048;
/** Of all lines with mistakes so many are told of in words. */
export const shownProblems = 10;
const guessedFrom = 200;
const carriageReturn = 13;
/** Of a line with a mistake. */
const shownCharacters = 60;
/** Could be asked for, as part of a name; by itself on a line it is a slip. */
const nothingButMarks = /^[-_.]+$/;
const byteOrderMark = '\ufeff';
const upperCase = /[A-Z]+/g;
// eslint-disable-next-line no-control-regex -- exactly these would garble a log
const unprintable = /[\0-\x1f\x7f]+/g;

/**
 * Reads a list file. Synchronous: runs in a thread.
 *
 * @throws when the file cannot be read, or is larger than 256 MB
 */
export function readList(task: ListTask): LoadedList {
  // A pipe in the place of the file would make the thread wait for ever.
  const descriptor = openSync(task.file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new Error('it is not a file');
    return new ListReader(task, stats.size).read(readBlocks(descriptor, largestFile));
  } finally {
    closeSync(descriptor);
  }
}

class ListReader implements RuleSink {
  readonly #task: ListTask;
  readonly #size: number;
  readonly #expressions: Expression[] = [];
  readonly #problems: string[] = [];
  #builder: TableBuilder;
  #line = 0;
  #refused = 0;
  #ignored = 0;
  #hasPaths = false;

  constructor(task: ListTask, size: number) {
    this.#task = task;
    this.#size = size;
    this.#builder = new TableBuilder(task.seed, { entries: 0, bytes: 0 });
  }

  read(blocks: Iterable<string>): LoadedList {
    let format: KnownFormat | undefined;
    let readLine: LineReader | undefined;
    for (const block of blocks) {
      const text = this.#line === 0 && block.startsWith(byteOrderMark) ? block.slice(1) : block;
      format ??= this.#formatOf(text);
      if (readLine === undefined) this.#expect(text);
      this.#readBlock(text, (readLine ??= lineReader(format)));
    }
    return {
      format: format ?? this.#formatOf(''),
      table: this.#builder.finish(),
      hasPaths: this.#hasPaths,
      expressions: this.#expressions,
      refused: { count: this.#refused, first: this.#problems },
      ignored: this.#ignored,
    };
  }

  host(name: string, applies: number): boolean {
    const host = plainHost(name);
    if (host === undefined || nothingButMarks.test(host)) return false;
    this.#builder.add(host, '', applies, this.#line);
    return true;
  }

  url(name: string, path: string, applies: number): boolean {
    const host = plainHost(name);
    const plain = plainTarget(path);
    if (host === undefined || nothingButMarks.test(host) || plain.length > longestPath)
      return false;
    this.#hasPaths = true;
    this.#builder.add(host, plain, applies, this.#line);
    return true;
  }

  expression(source: string): void {
    if (this.#expressions.length < mostExpressions)
      this.#expressions.push({ source, line: this.#line });
    else this.#refuse(source, `is one more than the ${mostExpressions} expressions of a list`);
  }

  ignore(): void {
    this.#ignored++;
  }

  #formatOf(text: string): KnownFormat {
    const { file, format } = this.#task;
    if (format !== 'auto') return format;
    const lines = text.slice(0, guessedFrom * 100).split('\n', guessedFrom + 1);
    return guessFormat(file, lines.length > 1 ? lines.slice(0, -1) : lines);
  }

  /** The rest of the file is likely to have lines of the same length. */
  #expect(text: string): void {
    const entries = Math.ceil((countLines(text) / text.length) * this.#size);
    this.#builder = new TableBuilder(this.#task.seed, { entries, bytes: this.#size });
  }

  #readBlock(text: string, readLine: LineReader): void {
    for (let start = 0; start < text.length;) {
      const found = text.indexOf('\n', start);
      const end = found === -1 ? text.length : found;
      this.#line++;
      if (end - start > longestLine) this.#refuse('', `is longer than ${longestLine} characters`);
      else {
        const withReturn = end > start && text.charCodeAt(end - 1) === carriageReturn;
        const line = text.slice(start, withReturn ? end - 1 : end);
        const problem = readLine(line, this);
        if (problem !== undefined) this.#refuse(line, problem);
      }
      start = end + 1;
    }
    if (this.#builder.count > mostEntries)
      throw new RangeError(`it has more than ${mostEntries} entries`);
  }

  #refuse(line: string, problem: string): void {
    if (++this.#refused > shownProblems) return;
    const text = line.trim().replace(unprintable, ' ');
    const shown = text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
    this.#problems.push(`line ${this.#line}${shown === '' ? '' : `: '${shown}'`} ${problem}`);
  }
}

/** A path and its query in the one spelling in which they are compared; as in squidGuard, without upper case. */
export function plainTarget(target: string): string {
  const mark = target.indexOf('?');
  const plain =
    mark === -1
      ? canonicalPath(target)
      : canonicalPath(target.slice(0, mark)) + pathBytes(target.slice(mark));
  return plain.replace(upperCase, (letters) => letters.toLowerCase());
}

function countLines(text: string): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}
