/** A piece of a frame: how long it is is known when it begins, what follows when it is there. */
type Piece = 'magic' | 'size' | 'descriptor' | 'header' | 'block' | 'content' | 'checksum';

/** Lengths of the fields that the flags of a frame header stand for (RFC 8878 §3.1.1.1). */
const contentSizeBytes = [0, 2, 4, 8] as const;
const dictionaryBytes = [0, 1, 2, 4] as const;
const rle = 1;

/**
 * Follows the frames of zstd (RFC 8878 §3.1) to tell whether they are all there: the zlib of Node 22 takes what was cut
 * short for whole. What is wrong within them is for zlib to find.
 */
export class ZstdFrames {
  #piece: Piece = 'magic';
  /** Bytes of the piece that are still to come. */
  #missing = 4;
  /** Little-endian, of those that are here; of four at most. */
  #value = 0;
  #read = 0;
  #hasChecksum = false;
  #isLast = false;

  /** Whether it could end here. */
  get whole(): boolean {
    return this.#piece === 'magic' && this.#read === 0;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#piece === 'content' || this.#piece === 'header') {
        const taken = Math.min(this.#missing, chunk.length - at);
        this.#missing -= taken;
        at += taken;
      } else {
        this.#value += (chunk[at] as number) * 2 ** (8 * this.#read);
        this.#read += 1;
        this.#missing -= 1;
        at += 1;
      }
      // A block may be empty.
      while (this.#missing === 0) this.#next(this.#value);
    }
  }

  #next(value: number): void {
    switch (this.#piece) {
      case 'magic':
        // Frames to be skipped: 0x184D2A50 to 0x184D2A5F.
        if (Math.floor(value / 16) === 0x184d2a5) this.#expect('size', 4);
        else this.#expect('descriptor', 1);
        return;
      case 'size':
        this.#isLast = true;
        this.#hasChecksum = false;
        this.#expect('content', value);
        return;
      case 'descriptor': {
        const isSingle = (value & 0x20) !== 0;
        const size = contentSizeBytes[value >> 6] as number;
        const dictionary = dictionaryBytes[value & 3] as number;
        this.#hasChecksum = (value & 4) !== 0;
        this.#expect('header', (isSingle ? Math.max(1, size) : 1 + size) + dictionary);
        return;
      }
      case 'header':
        this.#expect('block', 3);
        return;
      case 'block':
        this.#isLast = (value & 1) === 1;
        this.#expect('content', ((value >> 1) & 3) === rle ? 1 : value >> 3);
        return;
      case 'content':
        if (!this.#isLast) this.#expect('block', 3);
        else if (this.#hasChecksum) this.#expect('checksum', 4);
        else this.#expect('magic', 4);
        return;
      case 'checksum':
        this.#expect('magic', 4);
    }
  }

  #expect(piece: Piece, length: number): void {
    this.#piece = piece;
    this.#missing = length;
    this.#value = 0;
    this.#read = 0;
  }
}
