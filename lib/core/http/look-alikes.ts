/** Letters of a script that are taken for Latin ones in running text, and the zones where words in it are at home. */
interface LookAlikes {
  readonly script: RegExp;
  readonly label: RegExp;
  /** Country codes in Latin letters; zones in the script itself (`.рф`) are its home, too. */
  readonly home: readonly string[];
}

const lookAlikes: readonly LookAlikes[] = [
  {
    script: /^\p{Script=Cyrillic}+$/u,
    label: /^[авԁеғԍһіјкӏопԛрсѕуүԝхьҽѡѵҫ]+$/u,
    home: ['bg', 'by', 'kg', 'kz', 'mk', 'mn', 'rs', 'ru', 'su', 'tj', 'ua'],
  },
  {
    script: /^\p{Script=Greek}+$/u,
    label: /^[αγηικνορτυχωϳ]+$/u,
    home: ['cy', 'gr'],
  },
  {
    script: /^\p{Script=Armenian}+$/u,
    label: /^[ագզլհյոռսցօ]+$/u,
    home: ['am'],
  },
];

/** Latin letters of phonetic notation that look like others and that hardly any orthography has: `ɡ`, `ɑ`, `ɪ`, `ᴏ`. */
const phonetic = /[\u0251\u0261\u0262\u026a\u0274\u0280\u028f\u0299\u029c\u029f\u1d00-\u1d7f]/;
const accents = /\p{M}/gu;
const otherThanLetters = /[^\p{L}]/gu;

/**
 * Whether all letters of a label look like Latin ones without being any ("whole-script confusables", UTS #39 §4.1):
 * `аррӏе` below `.com`. Accents count for nothing. A word that has one letter of its own (`пример`) is no look-alike.
 *
 * @param zone the last label of the name
 */
export function looksLatin(label: string, zone: string): boolean {
  if (phonetic.test(label)) return true;
  const letters = label.normalize('NFD').replace(accents, '').replace(otherThanLetters, '');
  return lookAlikes.some(
    (alike) => alike.label.test(letters) && !alike.script.test(zone) && !alike.home.includes(zone),
  );
}
