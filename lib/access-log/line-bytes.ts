import { jsonValue } from './escape.ts';

const capacity = 64 * 1024;
/** Longer texts are looked at and copied faster by V8's own code, shorter ones by a loop. */
const longText = 48;
/** No character takes more in JSON: `\u2028`. */
const widestEscape = 6;
const quoteMark = 34;
const backslash = 92;
const zero = 48;

/** Printable ASCII without quote and backslash: as it is in JSON, too. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * Lines as bytes from the start: a text put together of forty parts is work for the collector, and has to be copied part
 * by part in the end.
 */
export class LineBytes {
  #bytes: Buffer = Buffer.allocUnsafe(capacity);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Forgets what is behind. */
  cutTo(length: number): void {
    this.#length = length;
  }

  /** Gives away what is there. A little of it is copied out, so that it does not hold the whole. */
  take(): Buffer {
    const used = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    if (used.length <= capacity / 2) return Buffer.from(used);
    this.#bytes = Buffer.allocUnsafe(capacity);
    return used;
  }

  bytes(piece: Uint8Array): void {
    this.#reserve(piece.length);
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  string(text: string): void {
    // No character takes more than three bytes in UTF-8.
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** A string of JSON, with its quotes. */
  jsonString(text: string): void {
    this.#reserve(text.length * widestEscape + 2);
    const { length } = this;
    if (!(text.length < longText ? this.#copyShort(text) : this.#copyLong(text))) {
      this.#length = length;
      this.string(jsonValue(text));
    }
  }

  /** A whole number below 1,000, with three digits. */
  thousandths(number: number): void {
    this.#reserve(3);
    const bytes = this.#bytes;
    const hundreds = (number / 100) | 0;
    const rest = (number - hundreds * 100) | 0;
    const tens = (rest / 10) | 0;
    bytes[this.#length] = zero + hundreds;
    bytes[this.#length + 1] = zero + tens;
    bytes[this.#length + 2] = zero + rest - tens * 10;
    this.#length += 3;
  }

  /** @returns false when something in it must not stand as it is */
  #copyShort(text: string): boolean {
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = quoteMark;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code > 0x7e || code === quoteMark || code === backslash) return false;
      bytes[at++] = code;
    }
    bytes[at++] = quoteMark;
    this.#length = at;
    return true;
  }

  #copyLong(text: string): boolean {
    if (!plain.test(text)) return false;
    const bytes = this.#bytes;
    bytes[this.#length++] = quoteMark;
    this.#length += bytes.write(text, this.#length, 'latin1');
    bytes[this.#length++] = quoteMark;
    return true;
  }

  /** Makes room for so many more. */
  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const wider = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(wider, 0, 0, this.#length);
    this.#bytes = wider;
  }
}
