import { hash } from 'node:crypto';
import { fieldLines, trimmed } from './field-lines.ts';
import type { Fields } from './fields.ts';
import { memoised } from './memo.ts';
import { canonicalPreferences, type PreferenceField } from './preferences.ts';

const none: readonly string[] = [];
/** An answer that varies by more fields than this matches no second request anyway. */
const mostNames = 64;
/** What is longer becomes its hash: keys are kept in memory and sent to stores. */
const longestVariant = 200;

const token = /^[!#$%&'*+.^_`|~\w-]+$/;
/** Nothing but tokens and commas can only be a list (RFC 9110 §5.6.1). */
const tokenList = /^[!#$%&'*+.^_`|~\w-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~\w-]+)*$/;
const blanks = /[ \t]+/g;

/**
 * The request fields an answer varies by (RFC 9110 §12.5.5), all lines of `Vary` together: lower-cased, sorted, each
 * once. `*` when any member is `*`, or none that could be a field's name: no other request can be known to match.
 */
export function varyNames(answer: Fields): readonly string[] | '*' {
  const lines = fieldLines(answer, 'vary');
  if (lines.length === 0) return none;
  const names = new Set<string>();
  for (const line of lines)
    for (const member of line.split(',')) {
      const name = trimmed(member);
      if (name === '') continue;
      if (name === '*' || !token.test(name) || names.size === mostNames) return '*';
      names.add(name.toLowerCase());
    }
  return [...names].sort();
}

/**
 * The values of these fields in a request, as one text: requests for which it is the same match (RFC 9111 §4.1).
 *
 * A field that is missing is not one that is empty. Several lines are one list (§5.3 of RFC 9110), those of `Cookie`
 * are joined as RFC 9113 §8.2.3 says. Case, order and weights are normalised for the Accept family, see
 * {@link canonicalPreferences}; white space at the ends of all fields and around the commas of lists of tokens.
 * The text is JSON, so no value can imitate another field, or the SHA-256 of that when it is longer than 200 characters.
 *
 * @param names as {@link varyNames} gives them
 */
export function variantOf(names: readonly string[], request: Fields): string {
  const text = JSON.stringify(names.map((name) => [name, variantValue(name, request)]));
  return text.length <= longestVariant ? text : `sha256:${hash('sha256', text, 'base64url')}`;
}

const preferences: ReadonlyMap<string, (value: string) => string> = new Map(
  (
    ['accept', 'accept-charset', 'accept-encoding', 'accept-language'] satisfies PreferenceField[]
  ).map((name) => [name, memoised((value) => canonicalPreferences(name, value) ?? value)]),
);

/** Fields that are no lists: of several lines one server takes the first, another the last, so they are kept apart. */
const singletons: ReadonlySet<string> = new Set([
  'authorization',
  'content-type',
  'from',
  'host',
  'origin',
  'proxy-authorization',
  'range',
  'referer',
  'user-agent',
]);

function variantValue(name: string, request: Fields): string | readonly string[] | null {
  const lines = fieldLines(request, name);
  if (lines.length === 0) return null;
  if (lines.length > 1 && singletons.has(name)) return lines.map(trimmed);
  const value = trimmed(lines.length === 1 ? (lines[0] as string) : lines.join(glue(name)));
  const normalise = preferences.get(name);
  if (normalise !== undefined) return normalise(value);
  return tokenList.test(value) ? value.replace(blanks, '') : value;
}

function glue(name: string): string {
  return name === 'cookie' ? '; ' : ', ';
}
