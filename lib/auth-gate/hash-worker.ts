/** Runs in a thread of its own: verifies one password after the other against its hash. */
import { scryptSync, timingSafeEqual } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { argon2Verify, bcryptVerify } from 'hash-wasm';
import { apr1 } from './apr1.ts';
import { scryptParts, type StoredPassword } from './stored-password.ts';

export interface HashTask {
  readonly password: string;
  readonly stored: StoredPassword;
}

export type HashAnswer = { readonly right: boolean } | { readonly error: string };

/** More bytes than these bcrypt has never looked at; where others cut, hash-wasm refuses. */
const bcryptBytes = 72;

parentPort?.on('message', (task: HashTask) => {
  verify(task).then(
    (right) => answer({ right }),
    (error: unknown) => answer({ error: String(error) }),
  );
});

function answer(message: HashAnswer): void {
  parentPort?.postMessage(message);
}

async function verify({ password, stored: { kind, text } }: HashTask): Promise<boolean> {
  switch (kind) {
    case 'bcrypt':
      return bcryptVerify({ password: Buffer.from(password).subarray(0, bcryptBytes), hash: text });
    case 'argon2':
      return argon2Verify({ password, hash: text });
    case 'scrypt': {
      const { salt, hash, options } = scryptParts(text);
      return timingSafeEqual(scryptSync(password, salt, hash.length, options), hash);
    }
    case 'apr1': {
      const salt = text.split('$')[2] ?? '';
      return timingSafeEqual(Buffer.from(apr1(password, salt)), Buffer.from(text));
    }
    default:
      throw new TypeError(`${kind} needs no worker`);
  }
}
