import { domainToUnicode } from 'node:url';
import { looksLatin } from './look-alikes.ts';

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
 * Whether a label of an internationalised name is no punycode, or wants to be taken for another name: because it mixes
 * writing systems that no language mixes (`аpple` with a Cyrillic а), or because all its letters are foreign ones that look
 * Latin (`аррӏе`, all Cyrillic) in a zone where that script is not at home. What browsers show in punycode for that.
 *
 * Letters of one script that look like each other, and words that are spelled nearly as another, cannot be told from the
 * name alone: names are shown in punycode wherever somebody has to judge them.
 *
 * @param hostname as the URL parser writes it, with `xn--` labels
 */
export function isDeceptiveName(hostname: string): boolean {
  if (!hostname.includes('xn--')) return false;
  const labels = domainToUnicode(hostname.replace(/\.$/, '')).split('.');
  const zone = labels.at(-1) ?? '';
  return zone === '' || labels.some((label) => isDeceptiveLabel(label, zone));
}

function isDeceptiveLabel(label: string, zone: string): boolean {
  return (
    label.startsWith('xn--') ||
    !wholes.some((whole) => whole.test(label)) ||
    looksLatin(label, zone)
  );
}
