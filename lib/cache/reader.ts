import type { Dispatcher } from 'undici';
import { ProxyError } from '../core/errors.ts';
import type { DirectHandler } from '../core/exchange/contract.ts';
import type { Presentation } from './presentation.ts';
import type { Tape } from './tape.ts';

/** What a reader tells of itself. */
export interface ReaderOwner {
  /** Its client has left before it had everything, or wants nothing of what is still to come. */
  left(reader: Reader, reason: Error): void;
}

/**
 * One client of an answer. Before there is one it only remembers whether it is still wanted; then it either reads a tape
 * at its own pace, or is bound to the source itself (`bind`), whose pace it then sets. To its handler it is the controller.
 */
export class Reader implements Dispatcher.DispatchController {
  readonly handler: DirectHandler;
  readonly #owner: ReaderOwner;
  /** Number of the chunk it reads next. */
  next = 0;
  aborted = false;
  paused = false;
  reason: Error | null = null;
  readonly rawHeaders = null;
  readonly rawTrailers = null;
  over = false;
  #tape: Tape | undefined;
  #source: Dispatcher.DispatchController | undefined;
  /** Bytes of the tape that went by. */
  #position = 0;
  #first = 0;
  #last = Infinity;
  #pumping = false;

  constructor(handler: DirectHandler, owner: ReaderOwner) {
    this.handler = handler;
    this.#owner = owner;
  }

  pause(): void {
    this.paused = true;
    this.#source?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#source?.resume();
    this.pump();
  }

  abort(reason: Error): void {
    if (this.over) return;
    this.over = this.aborted = true;
    this.reason = reason;
    this.#release();
    this.#owner.left(this, reason);
  }

  /** Its pace is the source's from now on. */
  bind(source: Dispatcher.DispatchController): void {
    this.#source = source;
    if (this.paused) source.pause();
  }

  /** Sends the head and, as they come, the bytes that are to be seen of a tape. */
  read(tape: Tape, { status, message, fields, first, last }: Presentation): void {
    if (this.over) return;
    this.#tape = tape;
    this.#first = first;
    this.#last = last ?? -1;
    tape.enter(this);
    this.#tell(() => {
      this.handler.onDirectStart(this, status, fields, message);
    });
    this.pump();
  }

  fail(error: Error): void {
    if (this.over) return;
    this.over = true;
    this.#release();
    this.handler.onResponseError?.(this, error);
  }

  /** Hands on what is there, as long as it is wanted. */
  pump(): void {
    const tape = this.#tape;
    if (tape === undefined || this.#pumping) return;
    this.#pumping = true;
    while (!this.over && !this.paused && this.#position <= this.#last) {
      const chunk = tape.chunk(this.next);
      if (chunk === undefined) break;
      this.next += 1;
      this.#show(chunk);
      if (tape.spilling) tape.trim();
    }
    this.#pumping = false;
    this.#finish(tape);
  }

  #show(chunk: Buffer): void {
    const start = Math.max(0, this.#first - this.#position);
    const end = Math.min(chunk.length, this.#last + 1 - this.#position);
    this.#position += chunk.length;
    if (end > start)
      this.#tell(() => {
        this.handler.onDirectData(
          this,
          start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end),
        );
      });
  }

  #finish(tape: Tape): void {
    if (this.over) return;
    const read = tape.chunk(this.next) === undefined;
    if (this.#position > this.#last || (tape.ended && read)) {
      this.over = true;
      this.#release();
      this.#tell(() => {
        this.handler.onDirectEnd(this, this.#last === Infinity ? tape.trailers : []);
      });
      if (!tape.ended) this.#owner.left(this, new ProxyError('ERR_SEKISHO_CLIENT_ABORTED'));
    } else if (tape.failure !== undefined && read && !this.paused) this.fail(tape.failure);
  }

  /** A wrapper that throws spoils the answer of its own client only. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.over = true;
      this.#release();
      this.handler.onResponseError?.(this, error as Error);
    }
  }

  #release(): void {
    const tape = this.#tape;
    this.#tape = undefined;
    if (tape === undefined) return;
    tape.leave(this);
    tape.trim();
  }
}
