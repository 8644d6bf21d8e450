/** Small chunks are put together: a body in pieces of one byte must not cost a hundred times its size. */
const blockBytes = 16 * 1024;

/**
 * Bytes that were copied out of the transport's memory, first in, first out. They are read once to be scanned, and taken
 * away when they go on; what was read and not taken can be read again.
 */
export class ByteQueue {
  /** Full views of the blocks; only the last one grows. */
  #blocks: Buffer[] = [];
  #room: Buffer | undefined;
  #used = 0;
  #size = 0;
  #taken = 0;
  #unread = 0;

  /** Bytes that are there. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of these that have not been read. */
  get unread(): number {
    return this.#unread;
  }

  append(chunk: Buffer): void {
    this.#size += chunk.length;
    this.#unread += chunk.length;
    let rest = chunk;
    if (this.#room !== undefined && this.#blocks.length > 0) {
      const fits = Math.min(rest.length, this.#room.length - this.#used);
      rest.copy(this.#room, this.#used, 0, fits);
      this.#used += fits;
      this.#blocks[this.#blocks.length - 1] = this.#room.subarray(0, this.#used);
      rest = rest.subarray(fits);
    }
    if (rest.length === 0) return;
    // Not from Node's pool: what is held for long must not hold more than itself.
    this.#room = Buffer.allocUnsafeSlow(Math.max(blockBytes, rest.length));
    rest.copy(this.#room);
    this.#used = rest.length;
    this.#blocks.push(this.#room.subarray(0, this.#used));
  }

  /** The next piece that has not been read; undefined when there is none. */
  read(): Buffer | undefined {
    let skip = this.#taken + this.#size - this.#unread;
    for (const block of this.#blocks) {
      if (skip < block.length) {
        this.#unread -= block.length - skip;
        return block.subarray(skip);
      }
      skip -= block.length;
    }
    return undefined;
  }

  /** All that is there can be read again. */
  rewind(): void {
    this.#unread = this.#size;
  }

  /** Takes at most so many of the first bytes that were read away. */
  take(most: number): Buffer | undefined {
    const [block] = this.#blocks;
    if (block === undefined) return undefined;
    const length = Math.min(most, block.length - this.#taken, this.#size - this.#unread);
    if (length <= 0) return undefined;
    const piece = block.subarray(this.#taken, this.#taken + length);
    this.#taken += length;
    this.#size -= length;
    if (this.#taken === block.length) {
      this.#blocks.shift();
      this.#taken = 0;
      if (this.#blocks.length === 0) this.#room = undefined;
    }
    return piece;
  }

  /** What is there is of no interest to the scanner any more. */
  skip(): void {
    this.#unread = 0;
  }

  /** All that is there, which stays. */
  pieces(): readonly Buffer[] {
    const [first, ...rest] = this.#blocks;
    return first === undefined ? [] : [first.subarray(this.#taken), ...rest];
  }

  clear(): void {
    this.#blocks = [];
    this.#room = undefined;
    this.#size = this.#unread = this.#taken = this.#used = 0;
  }
}
