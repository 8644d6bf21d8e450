import { parseStoredPassword, type StoredPassword } from './stored-password.ts';

export interface Htpasswd {
  readonly users: ReadonlyMap<string, StoredPassword>;
  /** Lines whose users cannot log in, and why; without the hash. */
  readonly refused: readonly string[];
}

/** `admin:$2y$…`, as Apache reads it: what follows a second colon is somebody's note. */
const entry = /^([^:]+):([^:]*)/;
// eslint-disable-next-line no-control-regex -- exactly these do not belong in a text file
const binary = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/;

/**
 * Reads an htpasswd file. Plain text and crypt() are refused line by line: whoever reads the file should not know a password.
 *
 * @throws {SyntaxError} when it is no such file, or half of one
 */
export function parseHtpasswd(text: string): Htpasswd {
  const users = new Map<string, StoredPassword>();
  const refused: string[] = [];
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const line = raw.trim();
    const at = `line ${index + 1}`;
    if (line === '' || line.startsWith('#')) continue;
    if (binary.test(line)) throw new SyntaxError(`${at} is no text`);
    const [, name, hash] = entry.exec(line) ?? [];
    if (name === undefined || hash === undefined)
      throw new SyntaxError(`${at} is not of the form name:hash`);
    const stored = parseStoredPassword(hash);
    if ('problem' in stored) {
      // A hash that was cut off says that the file was.
      if (stored.problem.includes('malformed')) throw new SyntaxError(`${at} ${stored.problem}`);
      refused.push(`${at} ${stored.problem}`);
    } else if (stored.kind === 'plain') refused.push(`${at} has plain text or crypt()`);
    // Apache takes the first of two.
    else if (!users.has(name)) users.set(name, stored);
  }
  return { users, refused };
}
