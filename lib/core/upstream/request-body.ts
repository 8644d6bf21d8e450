import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { forwardableTrailers } from '../http/fields.ts';
import { ProxyError } from '../errors.ts';
import type { BodySink, BodySource } from './http1/body.ts';

/**
 * What a request has to be longer than before its chunks are given away with their memory: what others have looked at and put
 * back, or kept as a sample, is in front of that.
 */
const maxShared = 256 * 1024;

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
  /** The chunks come from the parser straight to us: they were made for us. */
  #alone = false;
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
    // A listener of somebody else's makes it flow, and nothing may pass before an attempt reads.
    req.pause();
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
    this.#alone = isUntouched(this.#req);
    this.#req
      .on('data', (chunk: Buffer) => {
        this.#keep(chunk);
        if (this.#sink?.write(chunk, this.#isOurs()) === false) this.#req.pause();
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
      })
      // It was held until now, and perhaps by others, too.
      .resume();
  }

  #keep(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.#kept === undefined) return;
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > this.#limit) this.#kept = undefined;
    else this.#kept.push(chunk);
  }

  /** Whether nobody but us has the chunk that has just come. */
  #isOurs(): boolean {
    if (!this.#alone || this.#kept !== undefined || this.bytes <= maxShared) return false;
    return this.#req.listenerCount('data') === 1;
  }

  #fail(cause: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = new ProxyError('ERR_SEKISHO_CLIENT_ABORTED', { stage: 'send', cause });
    this.#sink?.fail(this.#failure);
  }
}

/** Read by Node's parser, and by nobody else: neither listeners nor functions that somebody has put in the place of the stream's. */
function isUntouched(req: IncomingMessage): boolean {
  const { parser } = req.socket as { parser?: { readonly incoming?: unknown } | null };
  return (
    parser?.incoming === req &&
    !req.readableDidRead &&
    req.listenerCount('data') === 0 &&
    req.listenerCount('readable') === 0 &&
    streamMethods.every((name) => Reflect.get(req, name) === Reflect.get(Readable.prototype, name))
  );
}

/** A chunk comes by these. */
const streamMethods = ['push', 'unshift', 'read', 'emit', 'on', 'addListener'] as const;
