import { randomFillSync } from 'node:crypto';

const closeOpcode = 8;

/**
 * Finds the frame boundaries of one direction of a WebSocket (RFC 6455 §5.2) by counting header and
 * payload lengths as the bytes go by. Reads no payload and keeps nothing of it.
 */
export class FrameTracker {
  /** A Close frame began: nothing may be added to this direction any more (§5.5.1). */
  closing = false;
  /** The bytes are no frames; boundaries are unknown for good. */
  broken = false;
  #payload = 0;
  /** Bytes of the present header seen so far, and how many it will have. */
  #seen = 0;
  #size = 2;
  #masked = false;
  #lengthBytes = 0;
  #length = 0;

  /** Whether the bytes so far end where a frame ends. */
  get atBoundary(): boolean {
    return this.#payload === 0 && this.#seen === 0;
  }

  /**
   * Follows a chunk, to its end or only to the first boundary in it.
   * @returns how many bytes were followed
   */
  follow(chunk: Uint8Array, toBoundary = false): number {
    let at = 0;
    while (at < chunk.length && !this.broken) {
      if (this.#payload > 0) {
        const part = Math.min(this.#payload, chunk.length - at);
        this.#payload -= part;
        at += part;
      } else {
        this.#header(chunk[at++] ?? 0);
      }
      if (toBoundary && this.atBoundary) return at;
    }
    return this.broken ? chunk.length : at;
  }

  #header(byte: number): void {
    this.#seen += 1;
    if (this.#seen === 1) {
      this.closing ||= (byte & 0x0f) === closeOpcode;
      return;
    }
    if (this.#seen === 2) {
      const length = byte & 0x7f;
      this.#masked = (byte & 0x80) !== 0;
      this.#lengthBytes = length === 126 ? 2 : length === 127 ? 8 : 0;
      this.#length = this.#lengthBytes === 0 ? length : 0;
      this.#size = 2 + this.#lengthBytes + (this.#masked ? 4 : 0);
    } else if (this.#seen <= 2 + this.#lengthBytes) {
      this.#length = this.#length * 256 + byte;
      // No peer sends a frame of petabytes: these are no frames, or somebody's attack on the count.
      if (!Number.isSafeInteger(this.#length)) this.broken = true;
    }
    if (this.#seen < this.#size) return;
    this.#payload = this.#length;
    this.#seen = 0;
    this.#size = 2;
  }
}

/** A Close frame without a reason; `masked` as clients must send it (RFC 6455 §5.3). */
export function closeFrame(code: number, masked: boolean): Buffer {
  const payload = Buffer.from([code >> 8, code & 0xff]);
  if (!masked) return Buffer.concat([Buffer.from([0x80 | closeOpcode, payload.length]), payload]);
  const key = randomFillSync(Buffer.alloc(4));
  const hidden = payload.map((byte, index) => byte ^ (key[index] ?? 0));
  return Buffer.concat([Buffer.from([0x80 | closeOpcode, 0x80 | payload.length]), key, hidden]);
}
