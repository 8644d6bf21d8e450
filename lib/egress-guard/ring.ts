/** The last so many numbers. */
export class Ring implements Iterable<number> {
  readonly #capacity: number;
  readonly #values: number[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#values.length;
  }

  push(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** In no particular order. */
  [Symbol.iterator](): Iterator<number> {
    return this.#values[Symbol.iterator]();
  }
}
