import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { InvalidRequestError } from './request-head.ts';

/** Where a streamed request body goes: the framing of one attempt. */
export interface BodySink {
  /**
   * @param yours nobody else has the chunk or will want it again: the sink may give its memory back
   * @returns false when the sink is full; it calls `resume()` on the source when it has room
   */
  write(chunk: Buffer, yours?: boolean): boolean;
  /** Trailer names and values in turn. */
  end(trailers: readonly string[]): void;
  /** The source broke off: the request must not look complete. */
  fail(error: Error): void;
}

/** A streamed request body. Nothing flows before `attach`. */
export interface BodySource {
  attach(sink: BodySink): void;
  /** No more calls to the sink. */
  detach(): void;
  resume(): void;
}

/** A body as the client sends it: nothing, bytes, or a source of chunks. */
export type Body = Buffer | BodySource | undefined;

/**
 * Sees any of undici's body types as one of ours.
 *
 * @throws {InvalidRequestError} for FormData, which nobody forwards
 */
export function bodyOf(body: Dispatcher.DispatchOptions['body'] | BodySource): Body {
  if (body === null || body === undefined) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (Buffer.isBuffer(body)) return body;
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (isSource(body)) return body;
  if (body instanceof Readable) return new ReadableSource(body);
  if (Symbol.asyncIterator in body)
    return new ReadableSource(Readable.from(body as AsyncIterable<unknown>, { objectMode: false }));
  throw new InvalidRequestError('unsupported body type');
}

function isSource(body: object): body is BodySource {
  return 'attach' in body && 'detach' in body && 'resume' in body;
}

/** A Readable as a source: read once, no replay. */
class ReadableSource implements BodySource {
  #stream: Readable;
  #sink: BodySink | undefined;
  #error: Error | undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
    // From the beginning: it may fail while the connection is still being made.
    stream.once('error', (error) => {
      this.#error = error;
      this.#sink?.fail(error);
    });
  }

  attach(sink: BodySink): void {
    if (this.#stream.readableEnded) {
      sink.end([]);
      return;
    }
    if (this.#stream.destroyed) {
      sink.fail(this.#error ?? new Error('the body broke off'));
      return;
    }
    this.#sink = sink;
    this.#stream
      .on('data', (chunk: Buffer | string) => {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
        if (this.#sink?.write(bytes) === false) this.#stream.pause();
      })
      .once('end', () => this.#sink?.end([]))
      .once('close', () => {
        if (!this.#stream.readableEnded) this.#sink?.fail(new Error('the body broke off'));
      });
  }

  detach(): void {
    this.#sink = undefined;
    this.#stream.destroy();
  }

  resume(): void {
    this.#stream.resume();
  }
}
