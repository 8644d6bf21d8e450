import { AnswerError } from './answer-error.ts';
import { readTrailers } from './answer-head.ts';
import { CR, LF } from './bytes.ts';
import { ChunkExtension } from './chunk-extension.ts';

const SEMICOLON = 59;
/** 13 hexadecimal digits stay below 2^53. */
const maxSizeDigits = 13;
/** Extensions carry nothing for us; a server that sends more of them than of data wants to keep us busy. */
const maxExtensionBytes = 16 * 1024;
/** What a chunk with extensions may carry of them without a doubt, beside twice its data. */
const extensionAllowance = 16;
const maxTrailerBytes = 16 * 1024;

const hexValue: Int8Array = new Int8Array(256).fill(-1);
for (const [index, digit] of Array.from('0123456789abcdef').entries()) {
  hexValue[digit.charCodeAt(0)] = index;
  hexValue[digit.toUpperCase().charCodeAt(0)] = index;
}

type State =
  'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'done';

/** Where the decoded bytes go: a range of the buffer given to `decode`. */
export type ChunkSink = (bytes: Buffer, start: number, end: number) => void;

/**
 * Decoder of the chunked coding (RFC 9112 §7.1), strict: hexadecimal size without sign or space,
 * extensions bounded, CRLF and nothing else, trailers bounded.
 */
export class ChunkedDecoder {
  /** The trailer fields, once `done`. */
  trailers: string[] = [];
  #state: State = 'size';
  #remaining = 0;
  #digits = 0;
  #extension: ChunkExtension | undefined;
  /** Bytes of extensions beyond what the data justifies. */
  #extensionBytes = 0;
  #pendingTrailers: Buffer | undefined;

  get done(): boolean {
    return this.#state === 'done';
  }

  /**
   * Decodes what is there.
   *
   * @returns the position behind what belongs to this body
   * @throws {AnswerError} when the coding is broken
   */
  decode(bytes: Buffer, start: number, limit: number, sink: ChunkSink): number {
    let at = start;
    while (at < limit && this.#state !== 'done') {
      switch (this.#state) {
        case 'size':
          at = this.#readSize(bytes, at);
          break;
        case 'extension':
          at = this.#skipExtension(bytes, at, limit);
          break;
        case 'size-lf':
          expect(bytes[at++], LF);
          this.#digits = 0;
          if (this.#extensionBytes > 0) this.#forgiveExtensions();
          this.#state = this.#remaining === 0 ? 'trailers' : 'data';
          break;
        case 'data': {
          const end = Math.min(limit, at + this.#remaining);
          this.#remaining -= end - at;
          if (this.#remaining === 0) this.#state = 'data-cr';
          sink(bytes, at, end);
          at = end;
          break;
        }
        case 'data-cr':
          expect(bytes[at++], CR);
          this.#state = 'data-lf';
          break;
        case 'data-lf':
          expect(bytes[at++], LF);
          this.#state = 'size';
          break;
        case 'trailers':
          at = this.#readTrailers(bytes, at, limit);
          break;
      }
    }
    return at;
  }

  #readSize(bytes: Buffer, at: number): number {
    const byte = bytes[at] as number;
    const digit = hexValue[byte] as number;
    if (digit >= 0) {
      if (++this.#digits > maxSizeDigits) throw new AnswerError('chunk size too large');
      this.#remaining = this.#remaining * 16 + digit;
    } else {
      if (this.#digits === 0) throw new AnswerError('malformed chunk size');
      if (byte === CR) this.#state = 'size-lf';
      else if (byte === SEMICOLON) {
        this.#state = 'extension';
        (this.#extension ??= new ChunkExtension()).begin();
      } else throw new AnswerError('malformed chunk size');
    }
    return at + 1;
  }

  #skipExtension(bytes: Buffer, start: number, limit: number): number {
    const extension = this.#extension as ChunkExtension;
    for (let at = start; at < limit; at++) {
      if (extension.take(bytes[at] as number)) {
        this.#state = 'size-lf';
        return at + 1;
      }
      if (++this.#extensionBytes > maxExtensionBytes)
        throw new AnswerError('chunk extensions too large');
    }
    return limit;
  }

  /** A signature on each chunk of a long body is no attack. */
  #forgiveExtensions(): void {
    const justified = extensionAllowance + 2 * this.#remaining;
    this.#extensionBytes = Math.max(0, this.#extensionBytes - justified);
  }

  #readTrailers(bytes: Buffer, at: number, limit: number): number {
    const held = this.#pendingTrailers?.length ?? 0;
    const section =
      this.#pendingTrailers === undefined
        ? bytes.subarray(at, limit)
        : Buffer.concat([this.#pendingTrailers, bytes.subarray(at, limit)]);
    const read = readTrailers(section, 0, section.length);
    if (read !== undefined && read.end <= maxTrailerBytes) {
      this.trailers = read.fields;
      this.#pendingTrailers = undefined;
      this.#state = 'done';
      return at + read.end - held;
    }
    if (section.length > maxTrailerBytes) throw new AnswerError('trailers too large');
    // The receive buffer is used again for the next read: keep a copy.
    this.#pendingTrailers = Buffer.from(section);
    return limit;
  }
}

function expect(byte: number | undefined, wanted: number): void {
  if (byte !== wanted) throw new AnswerError('malformed chunk');
}
