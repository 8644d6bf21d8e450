import type { Response } from 'express';
import type { Dispatcher } from 'undici';
import { ProxyError } from '../errors.ts';
import { forwardableTrailers } from '../http/fields.ts';
import type { Transaction } from '../transaction.ts';
import { writesThrough } from './reply-head.ts';

/** Writes the body of an answer at the pace of the client. */
export class ReplyBody {
  readonly #res: Response;
  readonly #transaction: Transaction;
  /** Bytes it has when its length was stated: one more or less and the client reads the next answer wrong. */
  readonly #length: number | undefined;
  /** Nothing of the app's is between the response and its socket. */
  readonly #direct: boolean;
  #controller: Dispatcher.DispatchController | undefined;
  /** The server waits until the client has taken what was written. */
  #holding = false;

  /** @param length as the head states it; undefined when it does not, or when there is no body to come */
  constructor(res: Response, transaction: Transaction, length: number | undefined) {
    this.#res = res;
    this.#transaction = transaction;
    this.#length = length;
    this.#direct = writesThrough(res);
  }

  /**
   * @returns whether the memory of the chunk is free again, or will be when the exchange is resumed
   * @throws {ProxyError} ERR_SEKISHO_HOOK when the body gets longer than its head states
   */
  write(controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    this.#controller = controller;
    this.#transaction.bytesSent += chunk.length;
    if (this.#length !== undefined && this.#transaction.bytesSent > this.#length) throw misstated();
    const socket = this.#direct ? this.#res.socket : null;
    if (socket === null) {
      if (!this.#res.write(chunk)) this.#holdUntilDrained();
      return false;
    }
    // At once, not with the end of the tick, to see whether the client's socket has taken it: if so its
    // memory is free again, else the client is slower than the server, and the server waits for it.
    socket.cork();
    const room = this.#res.write(chunk, this.#flushed);
    socket.uncork();
    if (this.#res.writableLength === 0) return true;
    // Corked by others (Node does for the rest of the tick that sent the head): no sign of a slow client.
    if (room && socket.writableCorked > 0) return false;
    this.#hold();
    return true;
  }

  /** @throws {ProxyError} ERR_SEKISHO_HOOK when the body is shorter than its head states */
  end(trailers: readonly string[]): void {
    if (this.#length !== undefined && this.#transaction.bytesSent !== this.#length)
      throw misstated();
    const kept = trailers.length === 0 ? [] : forwardableTrailers(trailers);
    if (kept.length > 0 && this.#res.chunkedEncoding) {
      const pairs: [string, string][] = [];
      for (let index = 0; index < kept.length; index += 2)
        pairs.push([kept[index] as string, kept[index + 1] as string]);
      this.#res.addTrailers(pairs);
    }
    this.#res.end();
  }

  readonly #flushed = (): void => {
    if (this.#holding && this.#res.writableLength === 0) this.#release();
  };

  #holdUntilDrained(): void {
    if (this.#holding) return;
    this.#hold();
    this.#res.once('drain', () => {
      this.#release();
    });
  }

  #hold(): void {
    if (this.#holding) return;
    this.#holding = true;
    this.#controller?.pause();
  }

  #release(): void {
    this.#holding = false;
    this.#controller?.resume();
  }
}

/** Only a wrapper can make it so: the transport counts. */
function misstated(): ProxyError {
  return new ProxyError('ERR_SEKISHO_HOOK', {
    detail: 'a wrapper gave a body that has not the length it states',
  });
}
