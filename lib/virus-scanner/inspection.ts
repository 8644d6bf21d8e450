import {
  ContentDecoder,
  type Coding,
  type DecodingListener,
  type DecodingProblem,
} from '../core/decoding/content-decoder.ts';
import type { Engine } from './engine.ts';
import type { Scan, ScanFailure, ScanSubject, Verdict } from './scanner.ts';

/** Exactly one of verdict, failure and problem comes. */
export interface InspectionListener {
  /** The engine is there, and takes what is written. */
  onReady(): void;
  onDrain(): void;
  onVerdict(verdict: Verdict): void;
  onFailure(failure: ScanFailure): void;
  onProblem(problem: DecodingProblem, detail: string): void;
}

/** One body on its way through the decoder into an engine. */
export class Inspection implements DecodingListener {
  readonly #decoder: ContentDecoder;
  readonly #scan: Scan;
  readonly #listener: InspectionListener;

  constructor(
    engine: Engine,
    subject: ScanSubject,
    codings: readonly Coding[],
    { maxSize, whole }: { readonly maxSize: number; readonly whole: boolean },
    listener: InspectionListener,
  ) {
    this.#listener = listener;
    this.#decoder = new ContentDecoder(codings, { maxSize }, this);
    this.#scan = engine.scan(subject, whole, {
      onReady: () => {
        listener.onReady();
      },
      onDrain: () => {
        this.#decoder.resume();
      },
      onVerdict: (verdict) => {
        this.#decoder.destroy();
        listener.onVerdict(verdict);
      },
      onFailure: (failure) => {
        this.#decoder.destroy();
        listener.onFailure(failure);
      },
    });
  }

  /** @returns false when no more should be written before `onDrain` */
  write(chunk: Buffer): boolean {
    return this.#decoder.write(chunk);
  }

  end(): void {
    this.#decoder.end();
  }

  abort(): void {
    this.#decoder.destroy();
    this.#scan.abort();
  }

  onData(chunk: Buffer): void {
    if (!this.#scan.write(chunk)) this.#decoder.pause();
  }

  onEnd(): void {
    this.#scan.end();
  }

  onDrain(): void {
    this.#listener.onDrain();
  }

  onProblem(problem: DecodingProblem, detail: string): void {
    this.#scan.abort();
    this.#listener.onProblem(problem, detail);
  }
}
