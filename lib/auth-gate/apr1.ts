import { createHash } from 'node:crypto';

const magic = '$apr1$';
const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Which bytes of the digest make which four characters. */
const groups = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const;

/**
 * Apache's variant of MD5-crypt, as `htpasswd -m` makes it: `$apr1$salt$hash`. A thousand rounds of MD5 are not
 * much nowadays; it is here for the files that exist.
 */
export function apr1(password: string, salt: string): string {
  const pass = Buffer.from(password);
  const inner = md5(pass, salt, pass);
  const parts: (Buffer | string)[] = [pass, magic, salt];
  for (let left = pass.length; left > 0; left -= 16)
    parts.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = pass.length; bits > 0; bits >>= 1)
    parts.push(bits & 1 ? Buffer.of(0) : pass.subarray(0, 1));
  let digest = md5(...parts);
  for (let round = 0; round < 1000; round++) {
    const odd = (round & 1) === 1;
    digest = md5(
      odd ? pass : digest,
      round % 3 === 0 ? '' : salt,
      round % 7 === 0 ? '' : pass,
      odd ? digest : pass,
    );
  }
  return `${magic}${salt}$${encoded(digest)}`;
}

function md5(...parts: readonly (Buffer | string)[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function encoded(digest: Buffer): string {
  const at = (index: number): number => digest[index] as number;
  return (
    groups.map(([a, b, c]) => base64((at(a) << 16) | (at(b) << 8) | at(c), 4)).join('') +
    base64(at(11), 2)
  );
}

/** crypt(3)'s own base64: lowest bits first. */
function base64(value: number, length: number): string {
  let text = '';
  for (let index = 0; index < length; index++) text += alphabet[(value >> (6 * index)) & 63] ?? '';
  return text;
}
