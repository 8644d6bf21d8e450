import { domainToUnicode } from 'node:url';

/**
 * The writing systems in everyday use (UAX #31 table 5). A letter of any other in a host name is more likely to be
 * there because it looks like another letter.
 */
const scripts = [
  'Arabic',
  'Armenian',
  'Bengali',
  'Bopomofo',
  'Cyrillic',
  'Devanagari',
  'Ethiopic',
  'Georgian',
  'Greek',
  'Gujarati',
  'Gurmukhi',
  'Hangul',
  'Han',
  'Hebrew',
  'Hiragana',
  'Kannada',
  'Katakana',
  'Khmer',
  'Lao',
  'Latin',
  'Malayalam',
  'Myanmar',
  'Oriya',
  'Sinhala',
  'Tamil',
  'Telugu',
  'Thaana',
  'Thai',
  'Tibetan',
].map((script) => [script]);

/** What East Asian names mix (UTS #39 §5.2, "highly restrictive"). */
const mixtures = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];

const wholes = [...scripts, ...mixtures].map((members) => {
  const letters = members.map((script) => `\\p{scx=${script}}`).join('');
  return new RegExp(`^[${letters}\\p{Script=Common}\\p{Script=Inherited}]*$`, 'u');
});

/**
 * Whether a label of an internationalised name is no punycode, or mixes writing systems that no language mixes, as names
 * do that want to be taken for another (`аpple` with a Cyrillic а). A name all in one foreign script may look like
 * another, too; that cannot be told from the name alone, so names are shown in punycode wherever somebody has to judge them.
 *
 * @param hostname as the URL parser writes it, with `xn--` labels
 */
export function isDeceptiveName(hostname: string): boolean {
  if (!hostname.includes('xn--')) return false;
  const name = domainToUnicode(hostname);
  return name === '' || name.split('.').some(isDeceptiveLabel);
}

function isDeceptiveLabel(label: string): boolean {
  return label.startsWith('xn--') || !wholes.some((whole) => whole.test(label));
}
