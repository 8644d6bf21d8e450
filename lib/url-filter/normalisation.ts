import { z } from 'zod';
import { isPlainPath, readPath, type PathDoubt } from '../core/http/path.ts';
import { oneOf, schemaOf } from '../core/options.ts';
import { pathReadings } from './path-readings.ts';
import { tidyPath } from './tidy-path.ts';

export interface NormalizeOptions {
  /**
   * What is neither refused nor rewritten: it goes on byte for byte, and the strictest of the ways to read it counts.
   * @default nothing
   */
  readonly allow?: readonly PathDoubt[];
}

/** What becomes of a path. */
export interface Normalised {
  /** All the ways in which it may be read. */
  readonly paths: readonly string[];
  /** How it goes on, when that is not as it came. */
  readonly rewritten: string | undefined;
  /** Why it does not. */
  readonly refused: PathDoubt | undefined;
}

const doubts = {
  'encoded-slash': true,
  'dot-segment': true,
  'above-root': true,
  'double-slash': true,
  backslash: true,
  nul: true,
  control: true,
  'double-encoding': true,
  'path-parameter': true,
  'trailing-dot': true,
  'encoded-unreserved': true,
  'encoded-delimiter': true,
  fragment: true,
  'bad-encoding': true,
} satisfies Record<PathDoubt, true>;

const everyDoubt = Object.keys(doubts) as PathDoubt[];

const optionsSchema = schemaOf<NormalizeOptions>()({
  allow: z.array(oneOf(everyDoubt)).default([]),
});

/** `normalize` as an option. */
export function normalizeField(): z.ZodType<Normalisation, boolean | NormalizeOptions> {
  return z
    .union([z.boolean(), optionsSchema])
    .default(true)
    .transform((value) => {
      if (typeof value === 'object') return new Normalisation(new Set(value.allow));
      return new Normalisation(new Set(value ? [] : everyDoubt));
    }) as never;
}

/** Sees to it that a path is read in one way only, by the app and by every server behind. */
export class Normalisation {
  readonly #allowed: ReadonlySet<PathDoubt>;

  constructor(allowed: ReadonlySet<PathDoubt>) {
    this.#allowed = allowed;
  }

  /** Whether targets that have no path at all are refused. */
  get isOff(): boolean {
    return this.#allowed.size === everyDoubt.length;
  }

  /**
   * A path that a server of ours is asked for. What means the same by RFC 3986 §6.2.2 and to every merger of slashes
   * is written in one way; where readings differ it is refused.
   */
  own(path: string): Normalised {
    if (isPlainPath(path)) return passes([path]);
    const { canonical, suspicious } = readPath(path);
    if (suspicious.length === 0) return passes([canonical]);
    const tidy = tidyPath(path, suspicious, this.#allowed);
    const left = tidy === path ? { canonical, suspicious } : readPath(tidy);
    const refused = left.suspicious.find((doubt) => !this.#allowed.has(doubt));
    if (refused !== undefined) return { paths: [], rewritten: undefined, refused };
    const paths = left.suspicious.length === 0 ? [left.canonical] : pathReadings(tidy);
    return { paths, rewritten: tidy === path ? undefined : tidy, refused: undefined };
  }

  /** A path of somebody else's server. It is never rewritten: what its slashes mean is that server's to say. */
  foreign(path: string): Normalised {
    if (isPlainPath(path)) return passes([path]);
    const { canonical, suspicious } = readPath(path);
    if (suspicious.length === 0) return passes([canonical]);
    const refused = suspicious.find((doubt) => !harmless.has(doubt) && !this.#allowed.has(doubt));
    if (refused !== undefined) return { paths: [], rewritten: undefined, refused };
    return passes(pathReadings(path));
  }
}

/** Refused only where a router or gate of ours could be deceived. */
const harmless: ReadonlySet<PathDoubt> = new Set<PathDoubt>([
  'dot-segment',
  'double-slash',
  'trailing-dot',
  'encoded-unreserved',
  'encoded-delimiter',
]);

function passes(paths: readonly string[]): Normalised {
  return { paths, rewritten: undefined, refused: undefined };
}
