/** Field names, without case; `*` at the end of one stands for any rest. */
export class NameSet {
  readonly #names: ReadonlySet<string>;
  readonly #beginnings: readonly string[];

  constructor(patterns: readonly string[]) {
    const lower = patterns.map((pattern) => pattern.toLowerCase());
    this.#names = new Set(lower.filter((pattern) => !pattern.endsWith('*')));
    this.#beginnings = lower
      .filter((pattern) => pattern.endsWith('*'))
      .map((pattern) => pattern.slice(0, -1));
  }

  /** @param name in lower case */
  has(name: string): boolean {
    return (
      this.#names.has(name) || this.#beginnings.some((beginning) => name.startsWith(beginning))
    );
  }
}
