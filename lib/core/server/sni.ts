/** What belongs to a name that clients ask for (SNI, RFC 6066 §3). */
export class NameTable<Value> {
  readonly #exact: Map<string, Value> = new Map();
  /** By what follows `*.`. */
  readonly #wildcards: Map<string, Value> = new Map();

  constructor(entries: Iterable<readonly [name: string, value: Value]>) {
    for (const [name, value] of entries) {
      const plain = plainName(name);
      if (plain.startsWith('*.')) this.#wildcards.set(plain.slice(2), value);
      else this.#exact.set(plain, value);
    }
  }

  /** The exact name's, else that of the wildcard one label above (RFC 9525 §6.3). */
  find(name: string): Value | undefined {
    const plain = plainName(name);
    const exact = this.#exact.get(plain);
    if (exact !== undefined) return exact;
    const dot = plain.indexOf('.');
    return dot < 1 ? undefined : this.#wildcards.get(plain.slice(dot + 1));
  }
}

/** Names are equal without regard to case, and to the dot of the root. */
export function plainName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
