import { clock } from '../core/clock.ts';
import type { BodySink, BodySource } from '../core/upstream/http1/body.ts';
import { inspectFields } from './head.ts';
import { Inspection, type BodyFields } from './inspection.ts';
import { Tail } from './tail.ts';
import type { Watch } from './watch.ts';

/** Something that waits for an answer before it goes on is not to be held back longer than that (milliseconds). */
const longestSilence = 2000;

/**
 * The body of a request on its way: counted, looked into, and in block mode held back by some bytes, so that what is
 * found has not left yet. When it is stopped the server never gets a whole request.
 */
export class Upload implements BodySource, BodySink {
  readonly #watch: Watch;
  readonly #source: BodySource;
  readonly #inspection: Inspection;
  readonly #tail: Tail;
  readonly #stop: (begun: boolean) => void;
  #sink: BodySink | undefined;
  /** Bytes of this attempt, and bytes that were looked at in all of them. */
  #position = 0;
  #seen = 0;
  #sinkFull = false;
  #inspectionFull = false;
  #begun = false;
  #stopped = false;
  #ending = false;
  #inspected = false;
  #trailers: readonly string[] | undefined;
  #cancelTimer: (() => void) | undefined;
  /** `#seen` when the timer began. */
  #seenThen = 0;

  /** @param stop ends the exchange; some of the body has left already, or not */
  constructor(
    watch: Watch,
    source: BodySource,
    fields: BodyFields,
    stop: (begun: boolean) => void,
  ) {
    this.#watch = watch;
    this.#source = source;
    this.#stop = stop;
    this.#tail = new Tail(watch.hold);
    this.#inspection = new Inspection(watch.guard, 'body', fields, {
      found: watch.verdict.found,
      onDrain: () => {
        this.#inspectionFull = false;
        if (!this.#halt()) this.#goOn();
      },
      onEnd: () => {
        this.#inspected = true;
        this.#finish();
      },
    });
  }

  attach(sink: BodySink): void {
    this.#sink = sink;
    this.#position = 0;
    this.#trailers = undefined;
    this.#tail.drop();
    this.#sinkFull = false;
    this.#source.attach(this);
  }

  detach(): void {
    this.#sink = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#stopped) this.#source.detach();
  }

  resume(): void {
    this.#sinkFull = false;
    this.#goOn();
  }

  write(chunk: Buffer): boolean {
    if (this.#stopped) return false;
    const known = Math.max(0, this.#seen - this.#position);
    this.#position += chunk.length;
    if (known < chunk.length) this.#look(known === 0 ? chunk : chunk.subarray(known));
    if (this.#halt()) return false;
    for (const free of this.#tail.push(chunk)) this.#pass(free);
    if (!this.#tail.empty) this.#watchSilence();
    return !this.#sinkFull && !this.#inspectionFull;
  }

  end(trailers: readonly string[]): void {
    if (this.#stopped) return;
    this.#trailers = trailers;
    if (!this.#ending) {
      this.#ending = true;
      const { guard, verdict } = this.#watch;
      inspectFields(guard, trailers, 'trailer', verdict.found);
      this.#inspection.end();
    } else this.#finish();
  }

  fail(error: Error): void {
    this.#inspection.stop();
    this.#sink?.fail(error);
  }

  /** undici's contract for transports that want a stream (HTTP/2). */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    const pieces: Buffer[] = [];
    const state: { ended: boolean; failure: Error | undefined; wake: () => void } = {
      ...{ ended: false, failure: undefined, wake: () => undefined },
    };
    this.attach({
      write(chunk) {
        pieces.push(chunk);
        state.wake();
        return false;
      },
      end() {
        state.ended = true;
        state.wake();
      },
      fail(error) {
        state.failure = error;
        state.wake();
      },
    });
    try {
      for (;;) {
        const piece = pieces.shift();
        if (piece !== undefined) yield piece;
        else if (state.failure !== undefined) throw state.failure;
        else if (state.ended) return;
        else {
          const news = new Promise<void>((resolve) => (state.wake = resolve));
          this.resume();
          await news;
        }
      }
    } finally {
      this.detach();
    }
  }

  #look(chunk: Buffer): void {
    this.#seen = this.#position;
    this.#watch.sent(chunk.length);
    if (!this.#watch.verdict.stopped && !this.#inspection.write(chunk)) this.#inspectionFull = true;
  }

  #pass(chunk: Buffer): void {
    this.#begun = true;
    if (this.#sink?.write(chunk) === false) this.#sinkFull = true;
  }

  #goOn(): void {
    if (!this.#sinkFull && !this.#inspectionFull && !this.#stopped) this.#source.resume();
  }

  #finish(): void {
    if (this.#halt() || !this.#inspected || this.#trailers === undefined) return;
    this.#cancelTimer?.();
    for (const chunk of this.#tail.release()) this.#pass(chunk);
    this.#sink?.end(this.#trailers);
  }

  /** @returns whether it has been stopped */
  #halt(): boolean {
    if (this.#stopped || !this.#watch.verdict.stopped) return this.#stopped;
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#tail.drop();
    this.#inspection.stop();
    // First of all, because the end of the exchange wants to read the rest, to no purpose but to be rid of it.
    this.#source.detach();
    const sink = this.#sink;
    this.#stop(this.#begun);
    // A stream that waits for more learns of it from nobody else.
    sink?.fail(this.#watch.verdict.error);
    return true;
  }

  #watchSilence(): void {
    if (this.#cancelTimer !== undefined) return;
    this.#seenThen = this.#seen;
    this.#cancelTimer = clock.after(longestSilence, () => {
      this.#cancelTimer = undefined;
      if (this.#seen !== this.#seenThen) this.#watchSilence();
      else this.#afterSilence();
    });
  }

  /** What is there is looked at as if it were all, and goes on; of a body that is encoded nobody knows the last byte. */
  #afterSilence(): void {
    this.#inspection.flush();
    if (this.#halt()) return;
    for (const chunk of this.#tail.release(this.#inspection.plain ? 0 : 1)) this.#pass(chunk);
  }
}
