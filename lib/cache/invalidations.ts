/** Deletions of single keys that are remembered; what was asked for before the oldest of them counts as deleted. */
const remembered = 10_000;

/** Remembers what was cleared and deleted lately, so that an answer made before does not come back after it. */
export class Invalidations {
  readonly #deleted = new Map<string, number>();
  #count = 0;
  #cleared = 0;
  #forgotten = 0;

  /** Grows with each invalidation. */
  get epoch(): number {
    return this.#count;
  }

  clear(): void {
    this.#cleared = ++this.#count;
    this.#deleted.clear();
  }

  delete(key: string): void {
    this.#deleted.delete(key);
    this.#deleted.set(key, ++this.#count);
    if (this.#deleted.size <= remembered) return;
    const [oldest, count] = this.#deleted.entries().next().value as [string, number];
    this.#deleted.delete(oldest);
    this.#forgotten = count;
  }

  /** Whether this key may have been cleared or deleted since. */
  since(epoch: number, key: string): boolean {
    return Math.max(this.#cleared, this.#deleted.get(key) ?? this.#forgotten) > epoch;
  }
}
