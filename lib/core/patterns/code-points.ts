/** A set of code points: pairs of first and last, ascending, without overlap. */
export type CodePoints = readonly (readonly [first: number, last: number])[];

export const lastCodePoint = 0x10ffff;

const digits: CodePoints = [[0x30, 0x39]];
const wordCharacters: CodePoints = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
/** ECMA-262 §12.2 and §12.3: white space and line terminators. */
const spaces: CodePoints = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
/** ſ and K (Kelvin) are the only ones outside of ASCII that fold into it. */
const foldingToAscii: CodePoints = [
  [0x17f, 0x17f],
  [0x212a, 0x212a],
];

export const any: CodePoints = [[0, lastCodePoint]];
export const anyButLineEnds: CodePoints = complement([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);

/** What `\d`, `\D`, `\s`, `\S`, `\w` and `\W` stand for; undefined for any other letter. */
export function classEscape(letter: string, ignoreCase: boolean): CodePoints | undefined {
  switch (letter) {
    case 'd':
      return digits;
    case 'D':
      return complement(digits);
    case 's':
      return spaces;
    case 'S':
      return complement(spaces);
    case 'w':
      return wordCharacters;
    case 'W':
      return complement(ignoreCase ? union(wordCharacters, foldingToAscii) : wordCharacters);
    default:
      return undefined;
  }
}

export function union(...sets: readonly CodePoints[]): CodePoints {
  const merged: [number, number][] = [];
  for (const [first, last] of sets.flat().sort((a, b) => a[0] - b[0])) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

export function complement(set: CodePoints): CodePoints {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [first, last] of union(set)) {
    if (first > next) gaps.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= lastCodePoint) gaps.push([next, lastCodePoint]);
  return gaps;
}
