import { z } from 'zod';
import { oneOf, quote, refuse, schemaOf } from '../core/options.ts';
import { suggestion } from '../core/wording.ts';
import {
  DestinationList,
  parseDestinationEntry,
} from '../core/upstream/destination/destination-list.ts';
import { NameSet } from './name-set.ts';
import type { RefererMode } from './referrer.ts';
import type { UserAgentMode } from './treatment.ts';

export interface AnonymizerOptions {
  /**
   * Request fields removed beyond those that always are; `'x-corp-*'` is all that begin so. With `'cookie'` answers
   * lose their `Set-Cookie`, too. @default []
   */
  readonly remove?: readonly string[];
  /**
   * `generalize`: family and major version of client and system; a text with a slash, e.g. `'Mozilla/5.0'`, replaces it.
   * @default 'generalize'
   */
  readonly userAgent?: UserAgentMode;
  /** `origin` cuts path and query off; pages on the inside are never named by it. @default 'origin' */
  readonly referer?: RefererMode;
  /** `low-entropy` keeps Sec-CH-UA, -Mobile, -Platform and Save-Data. @default 'drop' */
  readonly clientHints?: 'drop' | 'low-entropy' | 'keep';
  /**
   * Fields that stay as they are: everywhere (`['via']`), or for a destination (`{ 'api.example': ['via', 'traceparent'] }`),
   * by a name with every name below, `*.name`, address or block; `true` keeps all. @default nothing
   */
  readonly keep?: readonly string[] | Readonly<Record<string, readonly string[] | true>>;
}

/** What stays as it is for some destinations. */
export interface Exception {
  readonly destinations: DestinationList;
  readonly fields: readonly string[] | true;
}

export interface ParsedKeep {
  /** For all. */
  readonly fields: readonly string[];
  readonly exceptions: readonly Exception[];
}

/** A token (RFC 9110 §5.6.2) without dots, which nobody uses: those are host names. */
const pattern = /^[!#$%&'+\-^_`|~\da-z]+\*?$/i;
/** With a version, as nearly all have; no control bytes. */
const userAgentPattern = /^[\x20-\x7e]*\/[\x20-\x7e]*$/;
const userAgentWords: readonly string[] = ['generalize', 'keep', 'drop'];

/** Without these a server would read another request, or none. */
const indispensable: readonly string[] = [
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'expect',
  'host',
  'sec-websocket-key',
  'sec-websocket-version',
  'te',
  'transfer-encoding',
  'upgrade',
];

const fieldName = z.string().refine((value) => pattern.test(value), {
  error: ({ input }) => fieldProblem(String(input)),
});

const removedName = fieldName.refine(
  (value) => !indispensable.some((name) => new NameSet([value]).has(name)),
  {
    error: ({ input }) =>
      `${quote(input)} says how to read the request, and cannot be removed; leave it out`,
  },
);

function fieldProblem(value: string): string {
  return parseDestinationEntry(value) !== undefined && /[.:/]/.test(value)
    ? `${quote(value)} is a destination; write { ${quote(value)}: true }`
    : `${quote(value)} is no field name; use one such as 'x-corp-user', or 'x-corp-*' for all that begin so`;
}

function keepField(): z.ZodType<ParsedKeep, NonNullable<AnonymizerOptions['keep']>> {
  const everywhere = z.array(fieldName).transform((fields) => ({ fields, exceptions: [] }));
  const byDestination = z
    .record(z.string(), z.union([z.literal(true), z.array(fieldName)]))
    .transform((record, context) => ({
      fields: [],
      exceptions: Object.entries(record).map(([destination, fields]) => {
        const entry = parseDestinationEntry(destination);
        return entry === undefined
          ? refuse(context, destination, "is no destination; use a name such as 'api.example'")
          : { destinations: new DestinationList([entry]), fields };
      }),
    }));
  return z
    .custom<NonNullable<AnonymizerOptions['keep']>>(() => true)
    .pipe(z.union([everywhere, byDestination]));
}

function userAgentField(): z.ZodType<UserAgentMode> {
  return z.custom<UserAgentMode>(
    (value) =>
      typeof value === 'string' && (userAgentWords.includes(value) || userAgentPattern.test(value)),
    {
      error: ({ input }) =>
        `${quote(input)} is not allowed; use one of ${userAgentWords.map(quote).join(', ')}, or a text such as 'Mozilla/5.0'${suggestion(input, userAgentWords)}`,
    },
  );
}

export const anonymizerSchema = schemaOf<AnonymizerOptions>()({
  remove: z.array(removedName).default([]),
  userAgent: userAgentField().default('generalize'),
  referer: oneOf(['origin', 'drop', 'keep']).default('origin'),
  clientHints: oneOf(['drop', 'low-entropy', 'keep']).default('drop'),
  keep: keepField().default({ fields: [], exceptions: [] }),
});
