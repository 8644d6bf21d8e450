import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { takeFrom } from './tunnel-source.ts';
import { closeFrame, FrameTracker } from './websocket-frames.ts';

/** The pair that a direction is one half of. */
export interface DirectionObserver {
  /** So many bytes are about to be written. @returns false when they must not be */
  moves(direction: SpliceDirection, bytes: number): boolean;
  ended(): void;
}

/** One way of a spliced pair: everything that `source` sends is written to `sink`. */
export class SpliceDirection {
  readonly source: Duplex;
  readonly sink: Duplex;
  /** The sink has been given its last byte. */
  ended = false;
  bytes = 0;
  readonly #frames: FrameTracker | undefined;
  readonly #masked: boolean;
  readonly #observer: DirectionObserver;
  /** The Close frame to send at the next frame boundary. */
  #closeCode: number | undefined;
  /** Our Close frame was sent: what still comes is read, so that the source's FIN is seen, and dropped. */
  #silent = false;

  /** @param frames for WebSockets: whether the frames of this direction are masked; else undefined */
  constructor(
    source: Duplex,
    sink: Duplex,
    frames: 'masked' | 'plain' | undefined,
    observer: DirectionObserver,
  ) {
    this.source = source;
    this.sink = sink;
    this.#frames = frames === undefined ? undefined : new FrameTracker();
    this.#masked = frames === 'masked';
    this.#observer = observer;
  }

  start(head: Uint8Array | undefined): void {
    // Else node would answer a FIN with its own and cut off what still goes the other way.
    this.source.allowHalfOpen = true;
    this.source.on('data', (chunk: Uint8Array) => this.#forward(chunk));
    // What has left for the system at once need not be kept.
    takeFrom(this.source, (bytes) => {
      this.#forward(bytes);
      return this.sink instanceof Socket && this.sink.writableLength === 0;
    });
    this.source.on('end', () => this.#finish());
    this.sink.on('drain', () => this.source.resume());
    if (head !== undefined && head.length > 0) this.#forward(head);
    if (this.source.readableEnded) this.#finish();
    else if (!this.sink.writableNeedDrain) this.source.resume();
  }

  /**
   * Sends a Close frame if these are frames and the other side has sent none yet, else ends the sink.
   * After a Close frame the FIN waits for the source's, as RFC 6455 §7.1.1 has it: a peer that gets
   * it at once may drop what it has not sent yet, and with it the rest of a message.
   */
  close(code: number): void {
    const frames = this.#frames;
    if (this.ended || this.#silent || frames?.closing === true) return;
    if (frames === undefined || frames.broken) this.#finish();
    else if (frames.atBoundary) this.#sayGoodbye(code);
    else this.#closeCode = code;
  }

  #forward(chunk: Uint8Array): void {
    if (this.#silent || !this.sink.writable) return;
    const cut = this.#closeCode === undefined ? undefined : this.#cut(chunk);
    const part = cut === undefined ? chunk : chunk.subarray(0, cut);
    if (this.#closeCode === undefined) this.#frames?.follow(chunk);
    if (!this.#observer.moves(this, part.length)) return;
    this.bytes += part.length;
    if (!this.sink.write(part)) this.source.pause();
    if (cut !== undefined && this.#closeCode !== undefined) this.#sayGoodbye(this.#closeCode);
  }

  /** Where in the chunk a Close frame may be put; undefined if nowhere. */
  #cut(chunk: Uint8Array): number | undefined {
    const at = this.#frames?.follow(chunk, true);
    return this.#frames?.atBoundary === true ? at : undefined;
  }

  #sayGoodbye(code: number): void {
    this.#silent = true;
    if (this.#frames?.closing !== true) this.sink.write(closeFrame(code, this.#masked));
    this.source.resume();
  }

  #finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.sink.end();
    this.#observer.ended();
  }
}
