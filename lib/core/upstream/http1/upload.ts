import type { Socket } from 'node:net';
import { ProxyError } from '../../errors.ts';
import { BodyWriter, type BodyProgress } from './body-writer.ts';
import type { Deadline } from './deadline.ts';
import { atEndOfTurn } from '../turn.ts';
import { maxWholeBytes, type Exchange } from './exchange.ts';

/** Milliseconds to wait for `100 Continue` before the server gets the body anyway (RFC 9110 §10.1.1). */
const continueTimeout = 1000;

/** The sending of the requests of one connection, one after the other. */
export class Upload implements BodyProgress {
  readonly #socket: Socket;
  readonly #deadline: Deadline;
  readonly #timeouts: { readonly headers: number; readonly idle: number };
  readonly #onFailure: (error: ProxyError) => void;
  #writer: BodyWriter | undefined;
  #sent = false;
  #holdsBody = false;
  /** The answer has begun: its clock is the one that counts. */
  #answered = false;

  constructor(
    socket: Socket,
    deadline: Deadline,
    timeouts: { readonly headers: number; readonly idle: number },
    onFailure: (error: ProxyError) => void,
  ) {
    this.#socket = socket;
    this.#deadline = deadline;
    this.#timeouts = timeouts;
    this.#onFailure = onFailure;
  }

  /** The request has left completely; the system has taken every byte of it. */
  get done(): boolean {
    return this.#sent && this.#socket.writableLength === 0;
  }

  /** The body waits for `100 Continue`. */
  get holdsBody(): boolean {
    return this.#holdsBody;
  }

  send({ head, body }: Exchange): void {
    const socket = this.#socket;
    this.#answered = false;
    this.#sent = false;
    if (body === undefined || Buffer.isBuffer(body)) {
      if (body === undefined)
        atEndOfTurn(() => {
          if (!socket.destroyed) socket.write(head.text, 'latin1');
        });
      else if (body.length <= maxWholeBytes)
        socket.write(head.text + body.toString('latin1'), 'latin1');
      else {
        socket.cork();
        socket.write(head.text, 'latin1');
        socket.write(body);
        socket.uncork();
      }
      this.onSent();
      return;
    }
    this.#deadline.clear();
    if (head.expectsContinue) {
      socket.write(head.text, 'latin1');
      this.#writer = new BodyWriter(socket, '', head.framing, body, this);
      this.#holdsBody = true;
      this.#deadline.set('ERR_SEKISHO_HEADERS_TIMEOUT', continueTimeout);
      return;
    }
    this.#writer = new BodyWriter(socket, head.text, head.framing, body, this);
    this.#writer.start();
  }

  /** The server wants the body, or says nothing about it. */
  releaseBody(): void {
    if (!this.#holdsBody) return;
    this.#holdsBody = false;
    this.#deadline.clear();
    this.#writer?.start();
  }

  /** The final head is here. A server that answers without the body it was asked about does not get it. */
  onAnswer(): void {
    this.#answered = true;
    if (this.#holdsBody) this.stop();
  }

  /** The exchange is over, or does without the rest of the body. */
  stop(): void {
    this.#writer?.stop();
    this.#writer = undefined;
    this.#holdsBody = false;
  }

  onSent(): void {
    this.#sent = true;
    this.#writer = undefined;
    if (!this.#answered) this.#deadline.set('ERR_SEKISHO_HEADERS_TIMEOUT', this.#timeouts.headers);
  }

  onBlocked(): void {
    if (!this.#answered) this.#deadline.set('ERR_SEKISHO_HEADERS_TIMEOUT', this.#timeouts.idle);
  }

  onUnblocked(): void {
    if (!this.#answered) this.#deadline.clear();
  }

  onBodyError(error: Error): void {
    this.#writer = undefined;
    this.#onFailure(
      error instanceof ProxyError
        ? error
        : new ProxyError('ERR_SEKISHO_CLIENT_ABORTED', { stage: 'send', cause: error }),
    );
  }
}
