import { bytesOf, type Body } from './body.ts';
import type { Reader } from './reader.ts';

/**
 * The body of one answer as it arrives, for as many readers as there are, each at its own pace. As long as it may be
 * stored everything is kept, and nobody waits for anybody. After `spill()` only what some reader has still to read is
 * kept, and the source waits for the slowest of them.
 */
export class Tape {
  /** What is kept; the first is number `gone`. */
  readonly #chunks: Buffer[] = [];
  /** All of it, as long as nobody has read any. */
  #all: string | undefined;
  #gone = 0;
  /** Bytes that are kept. */
  kept = 0;
  /** Bytes that came. */
  size = 0;
  ended = false;
  failure: Error | undefined;
  trailers: readonly string[] = [];
  #readers: Set<Reader> | undefined;
  #window: number | undefined;
  #source: { pause(): void; resume(): void } | undefined;
  #holding = false;

  constructor(body?: Body) {
    if (body === undefined) return;
    if (body.length > 0) this.append(body);
    this.ended = true;
  }

  get isRead(): boolean {
    return this.#readers !== undefined && this.#readers.size > 0;
  }

  enter(reader: Reader): void {
    this.#readers ??= new Set();
    this.#readers.add(reader);
  }

  leave(reader: Reader): void {
    this.#readers?.delete(reader);
  }

  get spilling(): boolean {
    return this.#window !== undefined;
  }

  /** The chunk of this number; undefined when it has not come yet. */
  chunk(number: number): Buffer | undefined {
    this.#cutAll();
    return this.#chunks[number - this.#gone];
  }

  append(chunk: Body): void {
    this.#cutAll();
    if (typeof chunk === 'string' && this.size === 0) this.#all = chunk;
    else this.#chunks.push(bytesOf(chunk));
    this.kept += chunk.length;
    this.size += chunk.length;
    this.#pump();
    this.trim();
  }

  end(trailers: readonly string[]): void {
    this.trailers = trailers;
    this.ended = true;
    this.#pump();
  }

  fail(error: Error): void {
    this.failure = error;
    this.#pump();
  }

  /** Everything in one piece; only while nothing was given up. */
  whole(): Body {
    if (this.#all !== undefined) return this.#all;
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
  }

  /** From now on at most so many bytes are kept: the source is paused when the slowest reader is as far behind. */
  spill(window: number, source: { pause(): void; resume(): void }): void {
    this.#cutAll();
    this.#window = window;
    this.#source = source;
    this.trim();
  }

  /** A reader has gone on, or away. */
  trim(): void {
    if (this.#window === undefined) return;
    let slowest = Infinity;
    for (const reader of this.#readers ?? []) slowest = Math.min(slowest, reader.next);
    while (this.#chunks.length > 0 && this.#gone < slowest) {
      this.kept -= (this.#chunks.shift() as Buffer).length;
      this.#gone += 1;
    }
    const behind = this.kept > this.#window;
    if (behind === this.#holding || this.ended) return;
    this.#holding = behind;
    if (behind) this.#source?.pause();
    else this.#source?.resume();
  }

  #pump(): void {
    if (this.#readers !== undefined) for (const reader of this.#readers) reader.pump();
  }

  #cutAll(): void {
    if (this.#all === undefined) return;
    this.#chunks.push(bytesOf(this.#all));
    this.#all = undefined;
  }
}
