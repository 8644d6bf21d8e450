/**
 * Words that stand near what is looked for. Bodies are looked through byte by byte, whatever their charset, so that a word is
 * looked for in each form it may have there: UTF-8, Shift_JIS, EUC-JP, and escaped as in JSON.
 */

/** With more alternatives, or of different kinds, a pattern is tried at each place; with fewer V8 leaps over most of them. */
const mostInPattern = 24;

/** Global patterns for text in which each character stands for one byte (latin1). */
export function keywordPatterns(words: readonly string[]): RegExp[] {
  const forms = [...new Set(words.flatMap((word) => [...formsOf(word)]))];
  const kinds = Map.groupBy(forms, (form) =>
    /[^\x20-\x7e]/.test(form) ? 'bytes' : form.startsWith('\\\\u') ? 'escapes' : 'ASCII',
  );
  const patterns: RegExp[] = [];
  for (const kind of kinds.values())
    for (let at = 0; at < kind.length; at += mostInPattern)
      patterns.push(new RegExp(kind.slice(at, at + mostInPattern).join('|'), 'gi'));
  return patterns;
}

function formsOf(word: string): Set<string> {
  // eslint-disable-next-line no-control-regex -- ASCII is what has one form only
  if (/^[\x00-\x7f]*$/.test(word)) return new Set([asciiForm(word)]);
  const forms = new Set([literal(Buffer.from(word).toString('latin1'))]);
  for (const charset of ['shift_jis', 'euc-jp'] as const) {
    const bytes = encode(word, charset);
    if (bytes !== undefined) forms.add(literal(bytes));
  }
  forms.add([...utf16Units(word)].map((unit) => `\\\\u${unit}`).join(''));
  return forms;
}

/** `card number`, `card_number` and `cardNumber` are one word; at its ends there is no further letter. */
function asciiForm(word: string): string {
  const inside = word.trim().split(/\s+/).map(literal).join('[\\s_-]{0,2}');
  return `(?<![a-z])${inside}(?![a-z])`;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function* utf16Units(word: string): Generator<string> {
  for (let index = 0; index < word.length; index++)
    yield word.charCodeAt(index).toString(16).padStart(4, '0');
}

/** @returns bytes as latin1 text; undefined when the charset has no place for a character */
function encode(word: string, charset: 'shift_jis' | 'euc-jp'): string | undefined {
  const table = encodings[charset]();
  let bytes = '';
  for (const character of word) {
    const found = character < '\x80' ? character : table.get(character);
    if (found === undefined) return undefined;
    bytes += found;
  }
  return bytes;
}

const encodings = {
  shift_jis: () => tableOf('shift_jis', [0x81, 0xfc], [0x40, 0xfc]),
  'euc-jp': () => tableOf('euc-jp', [0xa1, 0xfe], [0xa1, 0xfe]),
};

/** There is only a decoder for them: all pairs of bytes, decoded at once, tell the way back. */
function tableOf(
  charset: string,
  [firstLead, lastLead]: readonly [number, number],
  [firstTrail, lastTrail]: readonly [number, number],
): ReadonlyMap<string, string> {
  const pairs: number[] = [];
  for (let lead = firstLead; lead <= lastLead; lead++)
    for (let trail = firstTrail; trail <= lastTrail; trail++) pairs.push(lead, trail, 0x0a);
  const lines = new TextDecoder(charset).decode(Uint8Array.from(pairs)).split('\n');
  const table = new Map<string, string>();
  lines.forEach((character, index) => {
    if (character.length !== 1 || character === '\ufffd' || table.has(character)) return;
    table.set(
      character,
      String.fromCharCode(pairs[index * 3] as number, pairs[index * 3 + 1] as number),
    );
  });
  return table;
}
