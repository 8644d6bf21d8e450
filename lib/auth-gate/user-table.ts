import type { StoredPassword } from './stored-password.ts';

/** Who may log in, and with what. */
export class UserTable {
  /**
   * What is verified in place of a password that does not exist, so that an unknown user takes as long as
   * a known one: the hash of most users' kind and cost. Undefined when nobody's is slow.
   */
  readonly decoy: StoredPassword | undefined;
  readonly #users: ReadonlyMap<string, StoredPassword>;

  constructor(users: ReadonlyMap<string, StoredPassword>) {
    this.#users = users;
    this.decoy = commonest([...users.values()].filter(isSlow));
  }

  get(name: string): StoredPassword | undefined {
    return this.#users.get(name);
  }
}

/** Takes a worker's time: what is right is remembered, and what does not exist imitated. */
export function isSlow({ kind }: StoredPassword): boolean {
  return kind !== 'plain' && kind !== 'sha1';
}

function commonest(stored: readonly StoredPassword[]): StoredPassword | undefined {
  const groups = new Map<string, StoredPassword[]>();
  for (const entry of stored) {
    const group = groups.get(costOf(entry));
    if (group === undefined) groups.set(costOf(entry), [entry]);
    else group.push(entry);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length)[0]?.[0];
}

/** Kind and parameters: what stands before the salt. */
function costOf({ kind, text }: StoredPassword): string {
  const parts = { argon2: 4, scrypt: 3, bcrypt: 3, apr1: 2, sha1: 0, plain: 0 }[kind];
  return text.split('$', parts).join('$');
}
