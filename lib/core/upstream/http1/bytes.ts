export const CR = 13;
export const LF = 10;
export const SP = 32;
export const TAB = 9;
export const COLON = 58;

/** RFC 9110 §5.6.2 tchar: 1 for the bytes of a token. */
export const isTokenByte: Uint8Array = byteTable("!#$%&'*+-.^_`|~");
for (const [from, to] of [
  [48, 57],
  [65, 90],
  [97, 122],
] as const)
  isTokenByte.fill(1, from, to + 1);

/** RFC 9110 §5.5 field-value bytes: HTAB, SP, VCHAR, obs-text. */
export const isValueByte: Uint8Array = byteTable('\t ');
isValueByte.fill(1, 0x21, 0x7f).fill(1, 0x80, 0x100);

function byteTable(bytes: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(bytes, 'latin1')) table[byte] = 1;
  return table;
}
