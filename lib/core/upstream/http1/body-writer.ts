import type { Socket } from 'node:net';
import type { BodySink, BodySource } from './body.ts';
import { giveBack } from './give-back.ts';
import { writeTrailers, type RequestFraming } from './request-head.ts';

/** Who hears how the sending of a body goes on. */
export interface BodyProgress {
  /** The socket takes no more for now: the server does not read. */
  onBlocked(): void;
  onUnblocked(): void;
  onSent(): void;
  /** The body cannot be completed; the connection is of no use any more. */
  onBodyError(error: Error): void;
}

/**
 * What may wait for the system to take it before the source is stopped. Pieces come as large as a stream's own
 * limit, and to stop and go on for each of them costs more than to send it.
 */
const maxWaiting = 256 * 1024;

/** Frames a streamed request body onto a socket: by the stated length, or chunked with trailers. */
export class BodyWriter implements BodySink {
  readonly #socket: Socket;
  readonly #source: BodySource;
  readonly #progress: BodyProgress;
  readonly #chunked: boolean;
  #remaining: number;
  #head: string;
  #blocked = false;
  #over = false;

  /** @param head goes out with the first bytes of the body, or at once when none are there yet */
  constructor(
    socket: Socket,
    head: string,
    framing: RequestFraming,
    source: BodySource,
    progress: BodyProgress,
  ) {
    this.#socket = socket;
    this.#head = head;
    this.#source = source;
    this.#progress = progress;
    this.#chunked = framing === 'chunked';
    this.#remaining = typeof framing === 'number' ? framing : Infinity;
  }

  start(): void {
    // Corked until the end of this tick: a small head and body leave as one write.
    this.#socket.cork();
    this.#writeHead();
    this.#source.attach(this);
    process.nextTick(() => {
      this.#socket.uncork();
    });
  }

  write(chunk: Buffer, yours = false): boolean {
    if (this.#over || chunk.length === 0) return true;
    this.#remaining -= chunk.length;
    if (this.#remaining < 0) {
      this.fail(new Error('the body is longer than its Content-Length'));
      return false;
    }
    if (this.#chunked) {
      this.#socket.cork();
      this.#socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      this.#writePiece(chunk, yours);
      this.#socket.write('\r\n', 'latin1');
      process.nextTick(() => {
        this.#socket.uncork();
      });
    } else this.#writePiece(chunk, yours);
    const room = this.#socket.writableLength < maxWaiting;
    if (!room) this.#block();
    return room;
  }

  end(trailers: readonly string[]): void {
    if (this.#over) return;
    if (!this.#chunked && this.#remaining > 0) {
      this.fail(new Error('the body is shorter than its Content-Length'));
      return;
    }
    if (this.#chunked) {
      let section: string;
      try {
        section = writeTrailers(trailers);
      } catch (error) {
        this.fail(error as Error);
        return;
      }
      this.#socket.write(`0\r\n${section}\r\n`, 'latin1');
    }
    this.#over = true;
    this.#progress.onSent();
  }

  fail(error: Error): void {
    if (this.#over) return;
    this.stop();
    this.#progress.onBodyError(error);
  }

  /** The exchange is over before the body was: takes nothing more from the source. */
  stop(): void {
    this.#over = true;
    this.#source.detach();
  }

  #writePiece(chunk: Buffer, yours: boolean): void {
    if (yours)
      this.#socket.write(chunk, (error) => {
        // What could not be sent may still be looked at by the system.
        if (error === null || error === undefined) giveBack(chunk);
      });
    else this.#socket.write(chunk);
  }

  /** Until the system has taken everything. */
  #block(): void {
    if (this.#blocked) return;
    this.#blocked = true;
    this.#progress.onBlocked();
    this.#socket.once('drain', () => {
      this.#blocked = false;
      if (this.#over) return;
      this.#progress.onUnblocked();
      this.#source.resume();
    });
  }

  #writeHead(): void {
    if (this.#head !== '') this.#socket.write(this.#head, 'latin1');
    this.#head = '';
  }
}
