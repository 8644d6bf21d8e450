import { splitOutsideQuotes } from './field-lines.ts';

/** Fields by which clients say what they prefer (RFC 9110 §12.5). */
export type PreferenceField = 'accept' | 'accept-charset' | 'accept-encoding' | 'accept-language';

interface Preference {
  readonly range: string;
  /** In thousandths. */
  readonly weight: number;
}

const token = /^[!#$%&'*+.^_`|~\w-]+$/;
const mediaRange = /^(?:\*\/\*|(?!\*\/)[!#$%&'*+.^_`|~\w-]+\/[!#$%&'*+.^_`|~\w-]+)$/;
const parameter = /^([!#$%&'*+.^_`|~\w-]+)=([!#$%&'*+.^_`|~\w-]+|".*")$/;
const weight = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/**
 * One spelling for all values of such a field that mean the same (RFC 9111 §4.1): in lower case, without white space,
 * weights in their shortest form, members by falling weight, repetitions left out. Members of equal weight keep their
 * order, as many servers take it for a preference (RFC 9110 §12.5.4); only content codings are sorted (§12.5.3 gives
 * their order no meaning), and lose those refused by `q=0` where not being listed refuses them already.
 *
 * @returns undefined for a value that is malformed, or contradicts itself: what it means, only its reader knows
 */
export function canonicalPreferences(field: PreferenceField, value: string): string | undefined {
  const weights = new Map<string, number>();
  for (const member of splitOutsideQuotes(value, ',') ?? [';']) {
    if (member === '') continue;
    const preference = field === 'accept' ? mediaPreference(member) : plainPreference(member);
    if (preference === undefined) return undefined;
    const { range, weight } = preference;
    if ((weights.get(range) ?? weight) !== weight) return undefined;
    weights.set(range, weight);
  }
  const preferences = Array.from(weights, ([range, weight]): Preference => ({ range, weight }));
  const ordered = field === 'accept-encoding' ? codings(preferences, weights) : preferences;
  return ordered
    .sort((one, other) => other.weight - one.weight)
    .map(({ range, weight }) => (weight === 1000 ? range : `${range};q=${weight / 1000}`))
    .join(',');
}

function codings(
  preferences: readonly Preference[],
  weights: ReadonlyMap<string, number>,
): Preference[] {
  return preferences
    .filter(({ range, weight }) => weight > 0 || range === 'identity' || weights.has('*'))
    .sort((one, other) => (one.range < other.range ? -1 : 1));
}

function plainPreference(member: string): Preference | undefined {
  const [range = '', last, more] = splitOutsideQuotes(member, ';') ?? [];
  const weight = last === undefined ? 1000 : thousandths(last);
  if (more !== undefined || weight === undefined || !token.test(range)) return undefined;
  return { range: range.toLowerCase(), weight };
}

/** What follows the weight (the former accept-ext) is not understood. */
function mediaPreference(member: string): Preference | undefined {
  const [range = '', ...parameters] = splitOutsideQuotes(member, ';') ?? [];
  if (!mediaRange.test(range)) return undefined;
  let text = range.toLowerCase();
  let found = 1000;
  for (const [at, part] of parameters.entries()) {
    const stated = thousandths(part);
    if (stated !== undefined) {
      if (at < parameters.length - 1) return undefined;
      found = stated;
      continue;
    }
    const [, name, value] = parameter.exec(part) ?? [];
    if (name === undefined || value === undefined || name.toLowerCase() === 'q') return undefined;
    // Values of parameters may be case-sensitive (RFC 9110 §8.3.1).
    text += `;${name.toLowerCase()}=${value}`;
  }
  return { range: text, weight: found };
}

function thousandths(part: string): number | undefined {
  const [, value] = weight.exec(part) ?? [];
  return value === undefined ? undefined : Math.round(Number(value) * 1000);
}
