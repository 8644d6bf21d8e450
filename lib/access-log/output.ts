import type { Writable } from 'node:stream';
import { clock } from '../core/clock.ts';
import { warn } from '../core/warn.ts';
import type { LogStream, OwnStream } from './destination.ts';
import { LineBytes } from './line-bytes.ts';

const lineFeed = 10;
/** Lines are written together when there are this many bytes of them, or after a moment (milliseconds). */
const batch = 60 * 1024;
const moment = 20;

/** Where lines go. */
export interface LineOutput {
  /** Lines that were lost. */
  readonly dropped: number;
  /**
   * A line with its end is to be written into this, and then to be ended.
   *
   * @returns undefined when it would be lost
   */
  begin(): LineBytes | undefined;
  end(): void;
  flush(): Promise<void>;
  reopen(): void;
  close(): Promise<void>;
}

/**
 * Lines on their way to a stream. They are bounded: what a slow or broken stream does not take is dropped and counted, and
 * no request waits.
 */
export class StreamOutput implements LineOutput {
  dropped = 0;
  readonly #stream: LogStream;
  /** The stream is ours to flush and to end. */
  readonly #own: OwnStream | undefined;
  readonly #limit: number;
  /** Bytes that make a batch: not what may wait at all, or lines would be lost before the stream has been offered any. */
  readonly #full: number;
  readonly #batch = new LineBytes();
  /** Up to here there are whole lines in it. */
  #used = 0;
  #lines = 0;
  /** Batches that wait for the stream. */
  #waiting: { readonly bytes: Buffer; readonly lines: number }[] = [];
  #waitingBytes = 0;
  /** The stream wants to be waited for. */
  #held = false;
  /** Batches that a stream which says so has not written yet. */
  #unwritten = 0;
  #closed = false;
  #cancelTimer: (() => void) | undefined;
  #drained: (() => void)[] = [];

  /** @param limit bytes that may wait for a slow stream */
  constructor(stream: LogStream, own: OwnStream | undefined, limit: number) {
    own?.on('drop', (bytes) => {
      this.#drop(bytes.filter((byte) => byte === lineFeed).length);
    });
    this.#stream = stream;
    this.#own = own;
    this.#limit = limit;
    this.#full = Math.min(batch, limit / 2);
    stream.on('drain', this.#onDrain);
    stream.on('error', this.#onError);
    stream.on('close', this.#onDrain);
    open.add(this);
    if (open.size === 1) process.on('beforeExit', flushAll).on('exit', flushAll);
  }

  begin(): LineBytes | undefined {
    if (this.#closed || this.#waitingBytes + this.#used >= this.#limit) {
      this.#drop(1);
      return undefined;
    }
    // One that was never ended is none.
    this.#batch.cutTo(this.#used);
    return this.#batch;
  }

  end(): void {
    const { length } = this.#batch;
    if (this.#waitingBytes + length > this.#limit) {
      this.#drop(1);
      return;
    }
    this.#used = length;
    this.#lines++;
    if (length >= this.#full) this.#cut();
    else this.#cancelTimer ??= clock.after(moment, this.#onMoment);
  }

  /** Resolves when the stream has written everything, or is broken. */
  async flush(): Promise<void> {
    this.#cut();
    while ((this.#held || this.#unwritten > 0) && !this.#broken())
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    if (this.#closed) return;
    await new Promise<void>((resolve) => flushStream(this.#stream, resolve));
  }

  /** For the end of the process: nothing waits any more. */
  flushSync(): void {
    this.#held = false;
    this.#cut();
    try {
      this.#own?.flushSync();
    } catch {
      // The file is gone with the disk it was on; nobody is left to hear of it.
    }
  }

  /** Nothing where there is no file, or none any more. */
  reopen(): void {
    if (this.#closed) return;
    this.#cut();
    if (typeof this.#own?.file === 'string') this.#own.reopen();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.flush();
    this.#closed = true;
    this.#cancelTimer?.();
    open.delete(this);
    if (open.size === 0) process.off('beforeExit', flushAll).off('exit', flushAll);
    this.#stream.removeListener('drain', this.#onDrain);
    this.#stream.removeListener('close', this.#onDrain);
    if (this.#own === undefined) this.#stream.removeListener('error', this.#onError);
    else await ended(this.#own);
  }

  /** What has gathered is a batch; it goes to the stream, or waits for it. */
  #cut(): void {
    if (this.#used > 0) {
      this.#batch.cutTo(this.#used);
      const bytes = this.#batch.take();
      this.#waiting.push({ bytes, lines: this.#lines });
      this.#waitingBytes += bytes.length;
      this.#used = 0;
      this.#lines = 0;
    }
    this.#pass();
  }

  #pass(): void {
    while (!this.#held) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#waitingBytes -= next.bytes.length;
      if (this.#broken()) {
        this.#drop(next.lines);
        continue;
      }
      try {
        this.#held = this.#writeTo(this.#stream, next.bytes) === false;
      } catch (error) {
        this.#drop(next.lines);
        this.#onError(error as Error);
      }
    }
  }

  #writeTo(stream: LogStream, bytes: Buffer): unknown {
    if (!isWritable(stream)) return stream.write(bytes as never);
    this.#unwritten++;
    try {
      return stream.write(bytes, this.#onWritten);
    } catch (error) {
      this.#unwritten--;
      throw error;
    }
  }

  #broken(): boolean {
    return this.#stream.destroyed === true || this.#stream.writableEnded === true;
  }

  #drop(lines: number): void {
    this.dropped += lines;
    if (!this.#closed)
      warn(
        'SEKISHO_LOG_DROPPED',
        'accessLog: lines are lost, because the stream is broken or slower than the requests; see its `dropped`',
      );
  }

  readonly #onMoment = (): void => {
    this.#cancelTimer = undefined;
    // While the stream is held the batch goes on filling.
    if (!this.#held) this.#cut();
  };

  readonly #onDrain = (): void => {
    this.#held = false;
    this.#wake();
    // What gathers has its moment; our own stream says this after each batch, and would get the next one too early.
    if (this.#cancelTimer === undefined) this.#cut();
    else this.#pass();
  };

  readonly #onWritten = (): void => {
    this.#unwritten--;
    if (this.#unwritten === 0) this.#wake();
  };

  readonly #onError = (error: Error): void => {
    warn(
      'SEKISHO_LOG',
      'accessLog: the stream failed; requests go on, lines may be missing',
      error,
    );
    // A full disk may have room again one day; a stream that is destroyed stays so.
    this.#held = false;
    this.#wake();
  };

  /** Whoever waits has another look. */
  #wake(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}

/** Node's own streams say of each chunk when it has been written. */
function isWritable(stream: LogStream): stream is LogStream & Pick<Writable, 'write'> {
  return typeof (stream as Partial<Writable>).writableLength === 'number';
}

/** pino's destinations and transports have a method for that. */
function flushStream(stream: LogStream, done: () => void): void {
  const { flush } = stream as Partial<OwnStream>;
  if (isWritable(stream) || typeof flush !== 'function') done();
  else flush.call(stream, () => done());
}

/** Resolves when its file is closed, or cannot be. */
function ended(own: OwnStream): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['close', 'error'] as const)
      own.on(event, () => {
        resolve();
      });
    own.end();
  });
}

/** Those that have lines which must not be lost with the process. */
const open: Set<StreamOutput> = new Set();

function flushAll(): void {
  for (const output of open) output.flushSync();
}
