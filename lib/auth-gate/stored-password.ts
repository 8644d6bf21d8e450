/** How a password is kept. `plain` and `sha1` are compared at once, the others take a worker's time. */
export type PasswordKind = 'plain' | 'sha1' | 'apr1' | 'bcrypt' | 'scrypt' | 'argon2';

export interface StoredPassword {
  readonly kind: PasswordKind;
  /** As it stands in the options or the file. */
  readonly text: string;
}

const bcrypt = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const apr1 = /^\$apr1\$[^$]{1,8}\$[./A-Za-z0-9]{22}$/;
const sha1 = /^\{SHA\}[A-Za-z0-9+/]{27}=$/;
const argon2 =
  /^\$argon2(?:id|i|d)\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,88})\$([A-Za-z0-9+/]{16,128})$/;
const scrypt =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,88}={0,2})\$([A-Za-z0-9+/]{22,172}={0,2})$/;

/** A verification may use up to this much memory (bytes). */
const mostMemory = 1024 ** 3;
/** Hashes that other programs know and this one does not; they are no plain text either. */
const foreign = /^(?:\$(?:1|2x?|5|6|7|y|gy|md5|sha1|pbkdf2[\w-]*)\$|\{[A-Za-z0-9.-]+\})/;

/** Reads a stored password of the options, or of an htpasswd file. Says what is wrong with it without showing it. */
export function parseStoredPassword(text: string): StoredPassword | { readonly problem: string } {
  if (text.startsWith('$2')) return judged(text, 'bcrypt', bcryptProblem(text));
  if (text.startsWith('$apr1$'))
    return judged(text, 'apr1', apr1.test(text) ? undefined : 'is a malformed apr1 hash');
  if (text.startsWith('{SHA}'))
    return judged(text, 'sha1', sha1.test(text) ? undefined : 'is a malformed {SHA} hash');
  if (text.startsWith('$argon2')) return judged(text, 'argon2', argon2Problem(text));
  if (text.startsWith('$scrypt')) return judged(text, 'scrypt', scryptProblem(text));
  if (foreign.test(text)) return { problem: 'is hashed in a way that is not supported' };
  if (text === '') return { problem: 'is empty' };
  return { kind: 'plain', text };
}

/** The parameters of a scrypt hash in PHC form, for node:crypto. */
export function scryptParts(text: string): {
  readonly salt: Buffer;
  readonly hash: Buffer;
  readonly options: { N: number; r: number; p: number; maxmem: number };
} {
  const [, ln, r, p, salt = '', hash = ''] = scrypt.exec(text) ?? [];
  const options = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: 2 * mostMemory };
  return { salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64'), options };
}

function judged(
  text: string,
  kind: PasswordKind,
  problem: string | undefined,
): StoredPassword | { readonly problem: string } {
  return problem === undefined ? { kind, text } : { problem };
}

function bcryptProblem(text: string): string | undefined {
  const cost = Number(bcrypt.exec(text)?.[1]);
  if (Number.isNaN(cost)) return 'is a malformed bcrypt hash';
  // htpasswd makes none above 17, which takes ten seconds.
  return cost < 4 || cost > 17 ? 'is a bcrypt hash of a cost outside 4 to 17' : undefined;
}

function argon2Problem(text: string): string | undefined {
  const [, m, t, p] = argon2.exec(text)?.map(Number) ?? [];
  if (m === undefined || t === undefined || p === undefined) return 'is a malformed argon2 hash';
  return p < 1 || t < 1 || m < 8 * p || m * 1024 > mostMemory
    ? 'is an argon2 hash whose parameters are not allowed'
    : undefined;
}

function scryptProblem(text: string): string | undefined {
  const [, ln, r, p] = scrypt.exec(text)?.map(Number) ?? [];
  if (ln === undefined || r === undefined || p === undefined) return 'is a malformed scrypt hash';
  return ln < 1 || r < 1 || p < 1 || 128 * r * (2 ** ln + p) > mostMemory
    ? 'is a scrypt hash whose parameters are not allowed'
    : undefined;
}
