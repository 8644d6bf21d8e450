import { OptionsError } from '../core/errors.ts';
import { quote } from '../core/options.ts';
import { warn } from '../core/warn.ts';
import { parseHtpasswd } from './htpasswd.ts';
import type { StoredPassword } from './stored-password.ts';
import { WatchedFile } from './watched-file.ts';

const shownLines = 10;

/**
 * The users of an htpasswd file, as it stands on the disk. A file that has become unreadable or broken keeps the users
 * of the last good one, and the operator hears of it (`SEKISHO_HTPASSWD`).
 *
 * @throws {OptionsError} when it cannot be read at first
 */
export class HtpasswdFile {
  readonly #file: WatchedFile;

  constructor(path: string, onUsers: (users: ReadonlyMap<string, StoredPassword>) => void) {
    try {
      this.#file = new WatchedFile(path, {
        take(text) {
          const { users, refused } = parseHtpasswd(text);
          onUsers(users);
          tellOfRefused(path, refused);
        },
        failed(error) {
          warn(
            'SEKISHO_HTPASSWD',
            `${quote(path)} cannot be used (${reasonOf(error)}); the users of the last good one stay`,
            error,
          );
        },
      });
    } catch (error) {
      throw new OptionsError('authGate', [
        `basic.file: ${quote(path)} cannot be used (${reasonOf(error)}); name a file that htpasswd has made`,
      ]);
    }
  }

  close(): void {
    this.#file.close();
  }
}

function tellOfRefused(path: string, refused: readonly string[]): void {
  if (refused.length === 0) return;
  const more = refused.length > shownLines ? ` and ${refused.length - shownLines} more` : '';
  warn(
    'SEKISHO_HTPASSWD',
    `${quote(path)}: ${refused.slice(0, shownLines).join('; ')}${more}; these users cannot log in, use htpasswd -B`,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
