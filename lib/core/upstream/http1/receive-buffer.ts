/** Large enough for what a socket usually has to give at once. */
const bufferBytes = 64 * 1024;
/** Pieces from this size on are handed over with their buffer; smaller ones are copied out. */
const handOverBytes = 16 * 1024;

/**
 * The memory a connection is read into. All idle and small-talking connections of a client share one
 * buffer; one that streams a large body reads into buffers of its own, which go on to the other side
 * without a copy.
 */
export class ReceiveBuffer {
  readonly #shared: Buffer;
  #own: Buffer | undefined;
  #handed = false;
  #large = false;

  constructor(shared: Buffer) {
    this.#shared = shared;
  }

  static shared(): Buffer {
    return Buffer.allocUnsafeSlow(bufferBytes);
  }

  /** The buffer for the next read. */
  next(streaming: boolean): Buffer {
    if (!streaming || !this.#large) {
      this.#own = undefined;
      return this.#shared;
    }
    if (this.#own === undefined || this.#handed) this.#own = Buffer.allocUnsafeSlow(bufferBytes);
    this.#handed = false;
    return this.#own;
  }

  /** A piece of what was read, as a buffer the receiver may keep. */
  hand(bytes: Buffer, start: number, end: number): Buffer {
    this.#large = end - start >= handOverBytes;
    if (bytes.buffer !== this.#own?.buffer || !this.#large)
      return Buffer.from(bytes.subarray(start, end));
    this.#handed = true;
    return bytes.subarray(start, end);
  }
}
