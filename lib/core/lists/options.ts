import { z } from 'zod';
import { duration, oneOf, ratio, schemaOf, type Duration } from '../options.ts';

export const listFormats = [
  'auto',
  'domains',
  'hosts',
  'adblock',
  'dstdomain',
  'dnsmasq',
  'rpz',
  'urls',
  'expressions',
] as const;
/** How the lines of a list are read. */
export type ListFormat = (typeof listFormats)[number];

/** `exception`: let pass whatever other lists say; `grey`: let pass, but looked at closer; `banned`: refused. */
export type ListTier = 'banned' | 'grey' | 'exception';

export interface ListOptions {
  /** Path of the list. */
  readonly file: string;
  /** What its lines are; `auto` looks at the first of them. @default 'auto' */
  readonly format?: ListFormat;
  /** What its entries have in common: `'ads'`, `'malware'`. */
  readonly category: string;
  /** What becomes of a request to one of them. @default 'banned' */
  readonly tier?: ListTier;
  /** How long a change of the file stays unnoticed where the system tells of none; false: it is read once. @default '10s' */
  readonly refresh?: Duration | false;
  /** The share of entries that may vanish in one reload; if more do, the last good list is kept. 1 allows all. @default 0.5 */
  readonly maxShrink?: number;
}

/** With all defaults, and durations in milliseconds. */
export type ParsedList = Required<Omit<ListOptions, 'refresh'>> & {
  readonly refresh: number | false;
};

/** One entry of an option `lists`. */
export function listField(): z.ZodType<ParsedList, ListOptions> {
  return schemaOf<ListOptions>()({
    file: z.string().min(1, { error: "'' is no file; name one" }),
    format: oneOf(listFormats).default('auto'),
    category: z.string().min(1, { error: "'' is no category; name one such as 'ads'" }),
    tier: oneOf(['banned', 'grey', 'exception']).default('banned'),
    refresh: z.union([z.literal(false), duration()]).default(10_000),
    maxShrink: ratio(0, 1).default(0.5),
  }) as z.ZodType<ParsedList, ListOptions>;
}
