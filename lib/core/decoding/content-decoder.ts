import type { Coding } from './codings.ts';
import { Stage, type StageOutlet } from './stage.ts';

export { codingsOf, type Coding } from './codings.ts';

/** Why a body cannot be decoded. `bomb`: it grows beyond the ratio; `too-large`: it grows beyond the size, and not beyond the ratio. */
export type DecodingProblem = 'broken' | 'bomb' | 'too-large';

export interface DecodingLimits {
  /** Bytes that may come out, of every coding. */
  readonly maxSize: number;
  /** Bytes that may come out for each one that went in, once 1 MiB or `maxSize` has come out. @default 200 */
  readonly maxRatio?: number;
}

/** What a decoder tells. After `onEnd` or `onProblem` nothing follows. */
export interface DecodingListener {
  /** @param chunk is the listener's to keep; without codings it is the one that was written */
  onData(chunk: Buffer): void;
  onEnd(): void;
  /** After a `write()` that returned false: more may be written. */
  onDrain(): void;
  /** @param detail for operators */
  onProblem(problem: DecodingProblem, detail: string): void;
}

/** As Apache's mod_deflate (`DeflateInflateRatioLimit`). */
const defaultRatio = 200;
/** A short text may be very repetitive. */
const ratioCountsFrom = 1024 * 1024;

/**
 * Undoes the codings of a body that is pushed through it. What is written must not be changed afterwards. Chunks come
 * out later than they went in, as zlib's threads have them; without codings at once.
 *
 * @example
 * const codings = codingsOf(fieldValue(fields, 'content-encoding'));   // undefined: unknown, cannot be looked into
 * const decoder = new ContentDecoder(codings, { maxSize: 100_000_000 }, listener);
 * if (!decoder.write(chunk)) controller.pause();                       // until listener.onDrain()
 */
export class ContentDecoder {
  readonly #limits: DecodingLimits;
  readonly #listener: DecodingListener;
  /** In the order in which bytes go through: the coding that was applied last comes first. */
  readonly #stages: Stage[] = [];
  #in = 0;
  #out = 0;
  #paused = false;
  /** Without stages: what was written during a pause, and whether the end was. */
  #held: Buffer[] = [];
  #ended = false;
  /** `write()` has returned false. */
  #owesDrain = false;
  #over = false;

  constructor(codings: readonly Coding[], limits: DecodingLimits, listener: DecodingListener) {
    this.#limits = limits;
    this.#listener = listener;
    for (let at = 0; at < codings.length; at += 1)
      this.#stages.push(
        new Stage(codings[codings.length - 1 - at] as Coding, this.#outletOf(at, codings.length)),
      );
  }

  /** Bytes that have come out. */
  get size(): number {
    return this.#out;
  }

  /** @returns false when no more should be written before `onDrain` */
  write(chunk: Buffer): boolean {
    if (this.#over) return true;
    this.#in += chunk.length;
    const [first] = this.#stages;
    if (first !== undefined) return first.write(chunk);
    if (this.#paused) this.#held.push(chunk);
    else this.#give(chunk);
    this.#owesDrain = !this.#flows();
    return !this.#owesDrain;
  }

  /** Nothing more will be written. */
  end(): void {
    if (this.#over) return;
    const [first] = this.#stages;
    if (first !== undefined) {
      // Nothing at all is what servers send that put the field on everything.
      if (this.#in === 0) this.#finish();
      else first.end();
      return;
    }
    this.#ended = true;
    if (!this.#paused) this.#finish();
  }

  /** Nothing comes out until `resume()`; a few chunks may be on their way. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused || this.#over) return;
    this.#paused = false;
    const last = this.#stages.at(-1);
    if (last !== undefined) {
      last.resume();
      return;
    }
    while (this.#held.length > 0 && this.#flows()) this.#give(this.#held.shift() as Buffer);
    if (!this.#flows()) return;
    if (this.#ended) this.#finish();
    else if (this.#owesDrain) {
      this.#owesDrain = false;
      this.#listener.onDrain();
    }
  }

  /** Nobody wants the rest: zlib's memory is given back, and nothing more is told. */
  destroy(): void {
    this.#over = true;
    this.#held = [];
    for (const stage of this.#stages) stage.destroy();
  }

  /** Asked after calls to the listener, which may have paused it or lost interest. */
  #flows(): boolean {
    return !this.#paused && !this.#over;
  }

  #outletOf(at: number, count: number): StageOutlet {
    const isLast = at === count - 1;
    let size = 0;
    return {
      onData: (chunk) => {
        size += chunk.length;
        if (this.#exceeds(size)) return true;
        if (!isLast) return (this.#stages[at + 1] as Stage).write(chunk);
        this.#give(chunk);
        return !this.#paused;
      },
      onEnd: () => {
        if (isLast) this.#finish();
        else (this.#stages[at + 1] as Stage).end();
      },
      onDrain: () => {
        if (at > 0) (this.#stages[at - 1] as Stage).resume();
        else if (!this.#over) this.#listener.onDrain();
      },
      onBroken: (detail) => {
        this.#fail('broken', detail);
      },
    };
  }

  #exceeds(size: number): boolean {
    const { maxSize, maxRatio = defaultRatio } = this.#limits;
    const tooLarge = size > maxSize;
    // Of a bomb that was written in one piece most lies unread when it becomes too large.
    const from = tooLarge ? (this.#stages[0] as Stage).consumed : this.#in;
    if ((tooLarge || size > ratioCountsFrom) && size > from * maxRatio)
      this.#fail('bomb', `more than ${maxRatio} bytes come out for each that goes in`);
    else if (tooLarge) this.#fail('too-large', `more than ${maxSize} bytes come out`);
    return this.#over;
  }

  #give(chunk: Buffer): void {
    if (this.#over) return;
    this.#out += chunk.length;
    // Where nothing is decoded nothing grows either: how large a body may be is for others to say.
    this.#listener.onData(chunk);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.onEnd();
  }

  #fail(problem: DecodingProblem, detail: string): void {
    if (this.#over) return;
    this.destroy();
    this.#listener.onProblem(problem, detail);
  }
}
