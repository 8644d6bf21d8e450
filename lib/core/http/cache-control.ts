import { longestDelta, parseDelta } from './delta-seconds.ts';
import { readDirectives, type Argument } from './directives.ts';
import { trimmed } from './field-lines.ts';
import { memoised } from './memo.ts';

/** What a Cache-Control field says; times in milliseconds, undefined where nothing is said. */
export interface CacheControl {
  readonly noStore: boolean;
  /** Without field names, or with ones that make no sense. */
  readonly noCache: boolean;
  /** Lower-case names of a qualified `no-cache="a, b"` (RFC 9111 §5.2.2.4). */
  readonly noCacheFields: readonly string[];
  /** Without field names, or with ones that make no sense. */
  readonly private: boolean;
  /** Lower-case names of a qualified `private="a, b"` (RFC 9111 §5.2.2.7). */
  readonly privateFields: readonly string[];
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  /** RFC 8246. For browsers: a shared cache asks about a fresh answer only when a client demands it, immutable or not. */
  readonly immutable: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAge: number | undefined;
  readonly sMaxAge: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  /** Without a number: the longest there is. */
  readonly maxStale: number | undefined;
  readonly minFresh: number | undefined;
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** A message without a fitting field. */
export const noDirectives: CacheControl = Object.freeze(blank());

const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** An answer without these is another answer: a directive that names one of them means the whole of it. */
const indispensable: ReadonlySet<string> = new Set([
  'age',
  'cache-control',
  'cdn-cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'location',
  'transfer-encoding',
  'vary',
]);

const parseLine: (line: string) => CacheControl = memoised((line) => {
  const control = blank();
  readDirectives(line, (name, argument) => applyDirective(control, name, argument));
  return control;
});

/**
 * Reads the lines of Cache-Control, of requests and answers alike (RFC 9111 §5.2). Nothing throws; unknown directives
 * are ignored, of duplicates the stricter counts, and what is malformed errs on the safe side:
 *
 * | directive | argument | otherwise |
 * |---|---|---|
 * | `max-age`, `s-maxage`, `stale-while-revalidate`, `stale-if-error`, `max-stale` | digits, quoted or not | 0 (RFC 9111 §4.2.1: invalid is stale) |
 * | `min-fresh` | digits, quoted or not | the longest there is |
 * | `max-stale` | none: any staleness | |
 * | `no-cache`, `private` | field names, quoted or not | as without names |
 * | `public`, `immutable` | none | not said |
 * | `must-understand` | none | `no-store` |
 * | others | none | said all the same |
 */
export function parseCacheControl(lines: readonly string[]): CacheControl {
  const [first] = lines;
  if (first === undefined) return noDirectives;
  if (lines.length === 1) return parseLine(first);
  const control = blank();
  for (const line of lines)
    readDirectives(line, (name, argument) => applyDirective(control, name, argument));
  return control;
}

/** The same for directives that another grammar has yielded; see parseCacheControl. */
export function cacheControlOf(
  directives: Iterable<readonly [name: string, argument: Argument]>,
): CacheControl {
  const control = blank();
  for (const [name, argument] of directives) applyDirective(control, name, argument);
  return control;
}

function blank(): Writable<CacheControl> {
  return {
    noStore: false,
    noCache: false,
    noCacheFields: [],
    private: false,
    privateFields: [],
    public: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    immutable: false,
    onlyIfCached: false,
    maxAge: undefined,
    sMaxAge: undefined,
    staleWhileRevalidate: undefined,
    staleIfError: undefined,
    maxStale: undefined,
    minFresh: undefined,
  };
}

function applyDirective(control: Writable<CacheControl>, name: string, argument: Argument): void {
  switch (name) {
    case 'max-age':
      control.maxAge = shorter(control.maxAge, argument);
      break;
    case 's-maxage':
      control.sMaxAge = shorter(control.sMaxAge, argument);
      break;
    case 'stale-while-revalidate':
      control.staleWhileRevalidate = shorter(control.staleWhileRevalidate, argument);
      break;
    case 'stale-if-error':
      control.staleIfError = shorter(control.staleIfError, argument);
      break;
    case 'max-stale':
      if (argument === undefined) control.maxStale ??= longestDelta;
      else control.maxStale = shorter(control.maxStale, argument);
      break;
    case 'min-fresh':
      control.minFresh = Math.max(control.minFresh ?? 0, delta(argument) ?? longestDelta);
      break;
    case 'no-cache': {
      const names = fieldNames(argument);
      if (names === undefined) control.noCache = true;
      else control.noCacheFields = control.noCacheFields.concat(names);
      break;
    }
    case 'private': {
      const names = fieldNames(argument);
      if (names === undefined) control.private = true;
      else control.privateFields = control.privateFields.concat(names);
      break;
    }
    case 'public':
      control.public ||= argument === undefined;
      break;
    case 'immutable':
      control.immutable ||= argument === undefined;
      break;
    case 'must-understand':
      // It can undo a no-store, so a malformed one is taken for a no-store itself.
      if (argument === undefined) control.mustUnderstand = true;
      else control.noStore = true;
      break;
    case 'no-store':
      control.noStore = true;
      break;
    case 'must-revalidate':
      control.mustRevalidate = true;
      break;
    case 'proxy-revalidate':
      control.proxyRevalidate = true;
      break;
    case 'only-if-cached':
      control.onlyIfCached = true;
      break;
  }
}

/** Of two times the stricter; what is no time is none. */
function shorter(before: number | undefined, argument: Argument): number {
  return Math.min(before ?? longestDelta, delta(argument) ?? 0);
}

function delta(argument: Argument): number | undefined {
  return typeof argument === 'string' ? parseDelta(argument) : undefined;
}

/** The names of a qualified directive; undefined when it is to be taken as unqualified. */
function fieldNames(argument: Argument): string[] | undefined {
  if (typeof argument !== 'string') return undefined;
  const names: string[] = [];
  for (const member of argument.toLowerCase().split(',')) {
    const name = trimmed(member);
    if (name === '') continue;
    if (!fieldName.test(name) || indispensable.has(name)) return undefined;
    names.push(name);
  }
  return names.length === 0 ? undefined : names;
}
