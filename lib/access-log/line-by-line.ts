import { warn } from '../core/warn.ts';
import type { LineTaker } from './destination.ts';
import { LineBytes } from './line-bytes.ts';
import type { LineOutput } from './output.ts';

/** Gives each line at once to a function of the caller's. */
export class LineByLine implements LineOutput {
  dropped = 0;
  readonly #taker: LineTaker;
  readonly #line = new LineBytes();
  #closed = false;

  constructor(taker: LineTaker) {
    this.#taker = taker;
  }

  begin(): LineBytes | undefined {
    if (this.#closed) return undefined;
    this.#line.cutTo(0);
    return this.#line;
  }

  end(): void {
    try {
      this.#taker.write(this.#line.take().toString());
    } catch (cause) {
      this.dropped++;
      warn('SEKISHO_LOG', 'accessLog: the stream failed; requests go on, lines are missing', cause);
    }
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  reopen(): void {
    // There is no file.
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
