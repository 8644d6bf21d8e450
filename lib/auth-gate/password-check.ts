import { createHash, timingSafeEqual } from 'node:crypto';
import expressBasicAuth from 'express-basic-auth';
import { HashPool } from './hash-pool.ts';
import type { StoredPassword } from './stored-password.ts';
import { isSlow, type UserTable } from './user-table.ts';
import { Verified } from './verified.ts';

/** Tells right passwords from wrong ones, in the same time whether or not there is such a user. */
export class PasswordCheck {
  readonly #pool = new HashPool();
  readonly #verified: Verified;

  /** @param remember for how long a verified password is not hashed anew (milliseconds) */
  constructor(remember: number) {
    this.#verified = new Verified(remember);
  }

  /** Whether this password has been verified a short while ago, against the hash that still stands. */
  knows(table: UserTable, name: string, password: string): boolean {
    const stored = table.get(name);
    if (stored === undefined || !isSlow(stored)) return false;
    return this.#verified.has(this.#verified.digest(name, password, stored.text));
  }

  /** Rejects with a ProxyError when it cannot be told at the moment. */
  check(table: UserTable, name: string, password: string): boolean | Promise<boolean> {
    // Never right, whatever the hash says; not every verifier takes one.
    if (password === '') {
      const right = this.#check(table, name, ' ');
      return typeof right === 'boolean' ? false : right.then(() => false);
    }
    return this.#check(table, name, password);
  }

  close(): void {
    this.#pool.close();
  }

  #check(table: UserTable, name: string, password: string): boolean | Promise<boolean> {
    const stored = table.get(name);
    if (stored !== undefined && isSlow(stored)) {
      const digest = this.#verified.digest(name, password, stored.text);
      return this.#verified.verify(digest, () => this.#pool.verify({ password, stored }));
    }
    const right = matches(password, stored ?? nobody) && stored !== undefined;
    if (right || table.decoy === undefined) return right;
    return this.#pool.verify({ password, stored: table.decoy }).then(() => false);
  }
}

const nobody: StoredPassword = { kind: 'plain', text: 'nobody' };

function matches(password: string, { kind, text }: StoredPassword): boolean {
  if (kind === 'plain') return expressBasicAuth.safeCompare(password, text);
  const digest = createHash('sha1').update(password).digest('base64');
  return timingSafeEqual(Buffer.from(`{SHA}${digest}`), Buffer.from(text));
}
