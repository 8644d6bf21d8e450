import type { Dispatcher } from 'undici';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { DirectListener } from '../exchange/contract.ts';
import { Http1Client } from './http1/client.ts';
import type { UpstreamTls } from './http1/socket.ts';
import { serverName } from './server.ts';
import { transportFailure } from './transport.ts';

export interface AskerOptions {
  /** Milliseconds from the question to the last byte of the answer. */
  readonly timeout: number;
  /** Bytes of the answer's body. */
  readonly maxSize: number;
  /** Questions at a time; each is a connection. */
  readonly most: number;
  readonly tls?: UpstreamTls | undefined;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  /** Names and values in turn, as the server sent them; latin1. */
  readonly fields: readonly string[];
  readonly body: Buffer;
}

export interface Question {
  /** Rejects with a ProxyError unless the whole answer has come in time and within its size. */
  readonly answer: Promise<Answer>;
  /** Nobody waits for the answer any more. */
  readonly cancel: () => void;
}

/**
 * Asks one server short questions (GET, without a body) over connections that are kept. Redirects are not followed, and interim answers
 * are not looked at.
 */
export class Asker {
  readonly #url: URL;
  readonly #options: AskerOptions;
  readonly #client: Http1Client;
  readonly #path: string;
  #asking = 0;

  constructor(url: URL, options: AskerOptions) {
    const { timeout, tls } = options;
    this.#url = url;
    this.#options = options;
    this.#path = url.pathname + url.search;
    this.#client = new Http1Client(url, {
      timeouts: { connect: timeout, headers: timeout, idle: timeout },
      tls,
    });
  }

  /** @param fields names and values in turn, with Host */
  ask(fields: readonly string[]): Question {
    const { most, timeout } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const server = serverName(this.#url);
    if (this.#asking >= most) {
      const detail = `${most} questions are under way`;
      reject(new ProxyError('ERR_SEKISHO_QUEUE_FULL', { server, detail }));
      return { answer: promise, cancel: () => undefined };
    }
    this.#asking++;
    const listener = new AnswerListener(this.#options.maxSize, (outcome) => {
      this.#asking--;
      stopTimer();
      if (outcome instanceof Error)
        reject(transportFailure(outcome, this.#url, listener.answering));
      else resolve(outcome);
    });
    const stopTimer = clock.after(timeout, () => {
      const detail = `no whole answer within ${timeout} ms`;
      listener.giveUp(new ProxyError('ERR_SEKISHO_TOTAL_TIMEOUT', { server, detail }));
    });
    this.#client.dispatch(
      { method: 'GET', path: this.#path, headers: fields as string[], body: null },
      listener,
    );
    return {
      answer: promise,
      cancel: () => listener.giveUp(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED', { server })),
    };
  }

  /** Questions that are under way fail. */
  close(): void {
    this.#client.destroy();
  }
}

/** Gathers the answer, and tells its end once. */
class AnswerListener extends DirectListener {
  readonly #maxSize: number;
  readonly #settle: (outcome: Answer | Error) => void;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #fields: readonly string[] = [];
  #size = 0;

  constructor(maxSize: number, settle: (outcome: Answer | Error) => void) {
    super();
    this.#maxSize = maxSize;
    this.#settle = settle;
  }

  get answering(): boolean {
    return this.#status !== 0;
  }

  giveUp(reason: Error): void {
    this.#end(reason);
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onDirectStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
  ): void {
    if (status < 200) return;
    this.#status = status;
    this.#fields = fields;
  }

  onDirectWhole(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    _message: string,
    body: string,
  ): void {
    if (body.length > this.#maxSize) this.#end(this.#tooLarge());
    else this.#end({ status, fields, body: Buffer.from(body, 'latin1') });
  }

  onDirectData(_controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    this.#size += chunk.length;
    if (this.#size > this.#maxSize) this.giveUp(this.#tooLarge());
    // The memory of the piece is the transport's.
    else this.#chunks.push(Buffer.from(chunk));
    return true;
  }

  onDirectEnd(): void {
    this.#end({ status: this.#status, fields: this.#fields, body: Buffer.concat(this.#chunks) });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end(error);
  }

  #tooLarge(): ProxyError {
    const detail = `the answer has more than ${this.#maxSize} bytes`;
    return new ProxyError('ERR_SEKISHO_UPSTREAM_PROTOCOL', { detail });
  }

  #end(outcome: Answer | Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle(outcome);
  }
}
