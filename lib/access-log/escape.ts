/** What may stand in a log line as it is: printable ASCII without quote and backslash. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const unsafe = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;

/**
 * A text of the wire as a log shows it. Whatever could end a field or a line, or move a terminal's cursor, becomes
 * `\xHH` byte by byte, as nginx does it (`escape=default`).
 *
 * @param text as node:http gives it: each character is a byte
 */
export function escapeText(text: string): string {
  return plain.test(text) ? text : text.replace(unsafe, escapeCharacter);
}

/** The same without spaces: the name of a user is one word between others. */
export function escapeWord(text: string): string {
  return escapeText(text).replaceAll(' ', '\\x20');
}

/** A line of somebody else's making stays one: only quotes and backslashes are left as they are. */
export function escapeLine(line: string): string {
  return line.replace(
    /[^\x20-\x7e\u00a0-\uffff]|[\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    escapeCharacter,
  );
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x100) return byteText(code);
  return [...Buffer.from(character)].map(byteText).join('');
}

function byteText(byte: number): string {
  return `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** A JSON string that is safe for terminals, too. */
export function jsonText(text: string): string {
  return plain.test(text) ? `"${text}"` : jsonValue(text);
}

export function jsonValue(value: unknown): string {
  return escapeJson(JSON.stringify(value));
}

/** JSON of somebody else's making: what is harmful to terminals stands in its strings only. */
export function escapeJson(json: string): string {
  return json.replace(terminals, (character) => `\\u${hex4(character)}`);
}

/** Control characters that JSON leaves as they are, line separators, and marks that turn the direction of writing. */
const terminals = /[\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function hex4(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0');
}
