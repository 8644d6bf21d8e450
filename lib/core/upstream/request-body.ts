import type { IncomingMessage } from 'node:http';
import { forwardableTrailers } from '../http/fields.ts';
import { ProxyError } from '../errors.ts';
import type { BodySink, BodySource } from './http1/body.ts';

/**
 * The body of a client's request on its way to a server. Chunks pass straight from the request to the
 * attempt's sink; the first ones are kept, up to a limit, so that another attempt can send them again.
 */
export class RequestBody implements BodySource {
  readonly #req: IncomingMessage;
  readonly #limit: number;
  readonly #onFirstRead: () => void;
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #sink: BodySink | undefined;
  #listening = false;
  #ended = false;
  #failure: Error | undefined;
  /** Bytes the client has sent of it. */
  bytes = 0;

  /**
   * @param limit bytes that are kept for another attempt
   * @param onFirstRead called when the first attempt begins to read
   */
  constructor(req: IncomingMessage, limit: number, onFirstRead: () => void) {
    this.#req = req;
    this.#limit = limit;
    this.#onFirstRead = onFirstRead;
  }

  /** Everything that has been read so far is still here. */
  get replayable(): boolean {
    return this.#kept !== undefined;
  }

  /** Another attempt will not be made: nothing needs to be kept any more. */
  settle(): void {
    this.#kept = undefined;
  }

  attach(sink: BodySink): void {
    this.#sink = sink;
    for (const chunk of this.#kept ?? []) sink.write(chunk);
    if (this.#failure !== undefined) sink.fail(this.#failure);
    else if (this.#ended) sink.end(forwardableTrailers(this.#req.rawTrailers));
    else this.#listen();
  }

  detach(): void {
    this.#sink = undefined;
    if (this.#listening && !this.#ended) this.#req.pause();
  }

  resume(): void {
    this.#req.resume();
  }

  /** undici's contract for those who want the body as a stream (HTTP/2, interceptors). */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (const chunk of this.#kept ?? []) yield chunk;
    if (this.#ended) return;
    this.#onFirstRead();
    // Who stops reading must not cost the client its connection.
    for await (const chunk of this.#req.iterator({ destroyOnReturn: false })) {
      this.#keep(chunk as Buffer);
      yield chunk as Buffer;
    }
    this.#ended = true;
  }

  #listen(): void {
    if (this.#listening) {
      this.#req.resume();
      return;
    }
    this.#listening = true;
    this.#onFirstRead();
    this.#req
      .on('data', (chunk: Buffer) => {
        this.#keep(chunk);
        if (this.#sink?.write(chunk) === false) this.#req.pause();
      })
      .once('end', () => {
        this.#ended = true;
        this.#sink?.end(forwardableTrailers(this.#req.rawTrailers));
      })
      .once('error', (error) => {
        this.#fail(error);
      })
      .once('close', () => {
        if (!this.#ended) this.#fail(new Error('the client went away in the middle of the body'));
      });
  }

  #keep(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.#kept === undefined) return;
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > this.#limit) this.#kept = undefined;
    else this.#kept.push(chunk);
  }

  #fail(cause: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = new ProxyError('ERR_SEKISHO_CLIENT_ABORTED', { stage: 'send', cause });
    this.#sink?.fail(this.#failure);
  }
}
