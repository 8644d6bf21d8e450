import { Readable } from 'node:stream';
import type { BodySink, BodySource } from './http1/body.ts';

/** As much of an HTTP/2 stream as has to be known. */
interface Http2Stream {
  close(...call: unknown[]): unknown;
  destroy(error: Error): unknown;
  readonly writableEnded: boolean;
}

/**
 * The body of a request on its way through undici to an HTTP/2 server.
 *
 * When it breaks off, undici (7.30) closes the stream, and Node ends what was being written before it resets: without a
 * Content-Length the server would take the half for the whole. So a stream that is closed too early is destroyed.
 */
export class Http2Body extends Readable implements BodySink {
  readonly #source: BodySource;
  #attached = false;

  constructor(source: BodySource) {
    super();
    this.#source = source;
  }

  override pipe<Destination extends NodeJS.WritableStream>(
    destination: Destination,
    options?: { end?: boolean },
  ): Destination {
    if ('close' in destination) resetWhenCut(destination as unknown as Http2Stream);
    return super.pipe(destination, options);
  }

  override _read(): void {
    if (this.#attached) this.#source.resume();
    else {
      this.#attached = true;
      this.#source.attach(this);
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.release();
    callback(error);
  }

  write(chunk: Buffer): boolean {
    return this.push(chunk);
  }

  /** HTTP/2 has trailers of requests, undici has not. */
  end(): void {
    this.push(null);
  }

  fail(error: Error): void {
    this.destroy(error);
  }

  /** From now on the source may be another attempt's. */
  release(): void {
    if (!this.#attached) return;
    this.#attached = false;
    this.#source.detach();
  }
}

function resetWhenCut(stream: Http2Stream): void {
  const close = stream.close.bind(stream);
  stream.close = (...call) =>
    stream.writableEnded
      ? close(...call)
      : stream.destroy(new Error('the body of the request broke off'));
}
