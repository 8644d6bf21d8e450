import { AnswerError } from './answer-error.ts';
import { readHead, type AnswerHead } from './answer-head.ts';
import { ChunkedDecoder } from './chunked.ts';

/** What a parser tells of one answer. Ranges are valid only during the call. */
export interface AnswerSink {
  /** An interim answer (1xx other than 101); the final one follows. */
  onInterim(head: AnswerHead): void;
  /** 101 to a request that asked for it; the rest of the buffer belongs to the new protocol. */
  onUpgrade(head: AnswerHead, bytes: Buffer, start: number, end: number): void;
  /**
   * An answer that is here to its end: head and, from `start` to `end`, body. Called in place of
   * `onHead`, `onBody`, `onEnd`; only for bodies with a length.
   */
  onWhole(head: AnswerHead, bytes: Buffer, start: number, end: number): void;
  onHead(head: AnswerHead): void;
  onBody(bytes: Buffer, start: number, end: number): void;
  onEnd(trailers: string[]): void;
}

/** A head larger than this is refused. */
export const maxHeadBytes: number = 64 * 1024;
/** A server that sends more interim answers than this to one request is not going to answer it. */
const maxInterim = 32;
const noTrailers: string[] = [];

type State = 'idle' | 'head' | 'length' | 'chunked' | 'close';

/**
 * Reads the answers of one HTTP/1.1 connection, one request at a time, strictly: whatever can be
 * read in two ways is refused (RFC 9112; stricter than Node's own parser, never laxer).
 */
export class AnswerParser {
  #sink: AnswerSink;
  #state: State = 'idle';
  #method = '';
  #upgrade = false;
  #interim = 0;
  #remaining = 0;
  #keepAlive = false;
  #chunked: ChunkedDecoder | undefined;
  /** The beginning of a head whose end has not arrived; `#heldBytes` of it are filled. */
  #held: Buffer | undefined;
  #heldBytes = 0;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** Whether the connection can carry another request once the answer has ended. */
  get keepAlive(): boolean {
    return this.#keepAlive;
  }

  /** Expects the answer to a request of this method. */
  begin(method: string, upgrade: boolean): void {
    this.#state = 'head';
    this.#method = method;
    this.#upgrade = upgrade;
    this.#interim = 0;
    this.#keepAlive = false;
  }

  /**
   * Reads what has arrived. The sink may be called several times.
   *
   * @throws {AnswerError} when the server breaks the protocol; the connection is of no use then
   */
  execute(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case 'idle':
          throw new AnswerError('bytes nobody asked for');
        case 'head':
          at = this.#readHead(bytes, at, end);
          break;
        case 'length': {
          const until = Math.min(end, at + this.#remaining);
          this.#remaining -= until - at;
          this.#sink.onBody(bytes, at, until);
          at = until;
          if (this.#remaining === 0) this.#finish(noTrailers, at < end);
          break;
        }
        case 'chunked': {
          const decoder = this.#chunked as ChunkedDecoder;
          at = decoder.decode(bytes, at, end, (chunk, from, to) => {
            this.#sink.onBody(chunk, from, to);
          });
          if (decoder.done) this.#finish(decoder.trailers, at < end);
          break;
        }
        case 'close':
          this.#sink.onBody(bytes, at, end);
          at = end;
          break;
      }
    }
  }

  /**
   * The server has closed its side.
   *
   * @returns false when an answer was expected or had begun, and is not complete
   */
  finish(): boolean {
    if (this.#state === 'close') {
      this.#state = 'idle';
      this.#sink.onEnd(noTrailers);
      return true;
    }
    return this.#state === 'idle';
  }

  #finish(trailers: string[], excess: boolean): void {
    this.#state = 'idle';
    // The answer itself is complete; what follows it makes the connection unusable.
    if (excess) this.#keepAlive = false;
    this.#sink.onEnd(trailers);
    if (excess) throw new AnswerError('bytes after the end of the answer');
  }

  #readHead(bytes: Buffer, start: number, end: number): number {
    if (this.#held !== undefined) return this.#readHeldHead(bytes, start, end);
    const read = readHead(bytes, start, end, this.#method);
    if (read === undefined) {
      this.#hold(bytes, start, end);
      return end;
    }
    if (read.end - start > maxHeadBytes) throw new AnswerError('head too large');
    return this.#take(read.head, bytes, read.end, end);
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const needed = this.#heldBytes + end - start;
    if (needed > maxHeadBytes) throw new AnswerError('head too large');
    if (this.#held === undefined || this.#held.length < needed) {
      const larger = Buffer.allocUnsafe(Math.max(1024, needed * 2));
      this.#held?.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldBytes, start, end);
    this.#heldBytes = needed;
  }

  /** Looks for the end of the head in the new bytes only, so a head that drips in costs linear time. */
  #readHeldHead(bytes: Buffer, start: number, end: number): number {
    const seen = this.#heldBytes;
    // Beyond the limit nothing is copied: the head either ends before it or is refused.
    const until = Math.min(end, start + maxHeadBytes + 4 - seen);
    this.#hold(bytes, start, Math.min(until, start + maxHeadBytes - seen));
    const held = this.#held as Buffer;
    const mark = held
      .subarray(0, this.#heldBytes)
      .indexOf('\r\n\r\n', Math.max(0, seen - 3), 'latin1');
    if (mark === -1) {
      if (this.#heldBytes >= maxHeadBytes) throw new AnswerError('head too large');
      return end;
    }
    const headBytes = mark + 4;
    this.#held = undefined;
    this.#heldBytes = 0;
    const read = readHead(held, 0, headBytes, this.#method);
    if (read?.end !== headBytes) throw new AnswerError('malformed head');
    return this.#take(read.head, bytes, start + headBytes - seen, end);
  }

  /** Acts on a head; `at` is where the bytes behind it begin. */
  #take(head: AnswerHead, bytes: Buffer, at: number, end: number): number {
    const sink = this.#sink;
    if (head.status < 200) {
      if (head.status === 101) {
        if (!this.#upgrade) throw new AnswerError('101 that nobody asked for');
        this.#state = 'idle';
        sink.onUpgrade(head, bytes, at, end);
        return end;
      }
      if (++this.#interim > maxInterim) throw new AnswerError('too many interim answers');
      sink.onInterim(head);
      return at;
    }
    this.#keepAlive = head.keepAlive;
    const bodyEnd = at + head.length;
    if ((head.framing === 'none' || head.framing === 'length') && bodyEnd <= end) {
      // Before anything of it is handed on: a body on HEAD or 204 desynchronises the connection.
      if (bodyEnd < end) throw new AnswerError('bytes after the end of the answer');
      this.#state = 'idle';
      sink.onWhole(head, bytes, at, bodyEnd);
      return end;
    }
    if (head.framing === 'chunked') this.#chunked = new ChunkedDecoder();
    else if (head.framing === 'length') this.#remaining = head.length;
    this.#state = head.framing === 'none' ? 'idle' : head.framing;
    sink.onHead(head);
    return at;
  }
}
