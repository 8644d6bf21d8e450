import { readFileSync, statSync } from 'node:fs';
import { OptionsError } from '../core/errors.ts';
import { fileState, FileWatch } from '../core/file-watch.ts';
import { quote } from '../core/options.ts';
import { warn } from '../core/warn.ts';
import { parseHtpasswd } from './htpasswd.ts';
import type { StoredPassword } from './stored-password.ts';

const shownLines = 10;
const mostBytes = 10 * 1024 * 1024;
/** Milliseconds until a change counts: a removed user is to be out soon. */
const settle = 50;
const poll = 5_000;

/**
 * The users of an htpasswd file, as it stands on the disk. A file that has become unreadable or broken keeps the users
 * of the last good one, and the operator hears of it (`SEKISHO_HTPASSWD`).
 *
 * @throws {OptionsError} when it cannot be read at first
 */
export class HtpasswdFile {
  readonly #path: string;
  readonly #onUsers: (users: ReadonlyMap<string, StoredPassword>) => void;
  readonly #watch: FileWatch;

  constructor(path: string, onUsers: (users: ReadonlyMap<string, StoredPassword>) => void) {
    this.#path = path;
    this.#onUsers = onUsers;
    // Before the first reading: no change after it is lost.
    this.#watch = new FileWatch([path], () => this.#readAgain(), { settle, poll });
    try {
      this.#take(readText(path));
    } catch (error) {
      this.#watch.close();
      throw new OptionsError('authGate', [
        `basic.file: ${quote(path)} cannot be used (${reasonOf(error)}); name a file that htpasswd has made`,
      ]);
    }
  }

  close(): void {
    this.#watch.close();
  }

  #readAgain(): void {
    try {
      const before = fileState(this.#path);
      const text = readText(this.#path);
      // Somebody is still writing, and the watch will tell of that.
      if (fileState(this.#path) === before) this.#take(text);
    } catch (error) {
      warn(
        'SEKISHO_HTPASSWD',
        `${quote(this.#path)} cannot be used (${reasonOf(error)}); the users of the last good one stay`,
        error,
      );
    }
  }

  #take(text: string): void {
    const { users, refused } = parseHtpasswd(text);
    this.#onUsers(users);
    tellOfRefused(this.#path, refused);
  }
}

function readText(path: string): string {
  if (statSync(path).size > mostBytes) throw new RangeError('it is larger than 10 MB');
  return readFileSync(path, 'utf8');
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
