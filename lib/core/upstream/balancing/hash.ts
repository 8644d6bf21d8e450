/** FNV-1a over UTF-16 units, 32 bits. Not for secrets; the low bits alone are poor, so see {@link unitHash}. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** Two hashes mixed into a number strictly between 0 and 1 (finaliser of MurmurHash3, 32 bits). */
export function unitHash(key: number, seed: number): number {
  return (scramble(scramble(key) ^ seed) + 0.5) / 0x1_0000_0000;
}

function scramble(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
