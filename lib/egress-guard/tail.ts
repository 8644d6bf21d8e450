/** Holds back the end of what passes, until what comes behind it has been looked at. */
export class Tail {
  readonly #size: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** @param size bytes; 0 holds nothing */
  constructor(size: number) {
    this.#size = size;
  }

  get empty(): boolean {
    return this.#chunks.length === 0;
  }

  /** @returns what may go on, in order */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    let free = 0;
    while (free < this.#chunks.length) {
      const { length } = this.#chunks[free] as Buffer;
      if (this.#bytes - length < this.#size) break;
      this.#bytes -= length;
      free++;
    }
    return this.#chunks.splice(0, free);
  }

  /** All of it, save the last bytes that are to stay. */
  release(stay = 0): Buffer[] {
    const all = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    const last = all.pop();
    if (last === undefined) return all;
    const kept = Math.min(stay, last.length);
    if (kept > 0) {
      this.#chunks.push(last.subarray(last.length - kept));
      this.#bytes = kept;
    }
    if (kept < last.length) all.push(last.subarray(0, last.length - kept));
    return all;
  }

  drop(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }
}
