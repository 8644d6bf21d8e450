/** Large enough for what a socket usually has to give at once. */
const bufferBytes = 32 * 1024;
/** Pieces from this size on are handed over with their buffer; smaller ones are copied out. */
const handOverBytes = 16 * 1024;

/**
 * The memory a connection is read into. All idle and small-talking connections of a client share one
 * buffer; one that streams a large body has one of its own, from which pieces go on to the other side
 * without a copy. A receiver that keeps a piece longer than until it resumes keeps the whole buffer.
 */
export class ReceiveBuffer {
  readonly #shared: Buffer;
  readonly #pausesAtOnce: boolean;
  #own: Buffer | undefined;
  #large = false;
  /** The receiver has pieces of the connection's own buffer, since the last read at least. */
  #lent = false;

  /** @param pausesAtOnce nothing is read any more when the socket was paused; TLS still gives what it has decrypted */
  constructor(shared: Buffer, pausesAtOnce: boolean) {
    this.#shared = shared;
    this.#pausesAtOnce = pausesAtOnce;
  }

  static shared(): Buffer {
    return Buffer.allocUnsafeSlow(bufferBytes);
  }

  /** The buffer for the next read. */
  next(streaming: boolean, paused: boolean): Buffer {
    if (!streaming) this.#own = undefined;
    else if (this.#pausesAtOnce || !paused) {
      this.#lent = false;
      if (this.#large) return (this.#own ??= Buffer.allocUnsafeSlow(bufferBytes));
    }
    return this.#shared;
  }

  /** A piece of what was read, as a buffer the receiver may use until it resumes; if it keeps it, `giveAway` is called next. */
  hand(bytes: Buffer, start: number, end: number): Buffer {
    this.#large = end - start >= handOverBytes;
    const piece = bytes.subarray(start, end);
    if (bytes.buffer === this.#own?.buffer) {
      this.#lent = true;
      return piece;
    }
    if (!this.#large || this.#lent) return Buffer.from(piece);
    // Into the memory that the next ones will be read into.
    this.#own ??= Buffer.allocUnsafeSlow(bufferBytes);
    this.#lent = true;
    piece.copy(this.#own);
    return this.#own.subarray(0, piece.length);
  }

  /** The piece handed last is kept by its receiver. */
  giveAway(): void {
    this.#own = undefined;
    this.#lent = false;
  }
}
