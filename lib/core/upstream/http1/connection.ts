import type { Socket } from 'node:net';
import { clock } from '../../clock.ts';
import { ProxyError } from '../../errors.ts';
import type { AnswerHead } from './answer-head.ts';
import { AnswerParser, type AnswerSink } from './answer-parser.ts';
import { Deadline } from './deadline.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import type { Carrier, Exchange } from './exchange.ts';
import { failure } from './failure.ts';
import { KeepAlive } from './keep-alive.ts';
import type { ReceiveBuffer } from './receive-buffer.ts';
import type { Dialer } from './socket.ts';
import { Upload } from './upload.ts';

/** One connection to a server: one exchange at a time, kept alive between them. */
export class Connection implements AnswerSink, Carrier {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser: AnswerParser = new AnswerParser(this);
  readonly #receive: ReceiveBuffer | undefined;
  #exchange: Exchange | undefined;
  readonly #upload: Upload;
  #ready = false;
  #closed = false;
  #answering = false;
  #heardFrom = false;
  #error: unknown;
  /** Requests this connection has carried before the present one. */
  #carried = 0;
  readonly #dialled: number = clock.monotonic();
  readonly #deadline: Deadline = new Deadline();
  readonly keepAlive: KeepAlive = new KeepAlive();

  /** @param receive absent for upgrades, whose socket must be an ordinary stream afterwards */
  constructor(owner: ConnectionOwner, dialer: Dialer, receive: ReceiveBuffer | undefined) {
    this.#owner = owner;
    this.#receive = receive;
    this.#deadline.set('ERR_SEKISHO_CONNECT_TIMEOUT', owner.timeouts.connect);
    const onread = receive && {
      buffer: () => receive.next(this.#streaming, this.#exchange?.paused === true),
      callback: (count: number, bytes: Uint8Array) => {
        this.#onRead(bytes as Buffer, count);
        return true;
      },
    };
    const socket = dialer.dial(onread, () => {
      this.#onReady();
    });
    this.#socket = socket;
    this.#upload = new Upload(socket, this.#deadline, owner.timeouts, (error) => {
      this.#fail(error);
    });
    socket.on('error', (error) => (this.#error ??= error));
    socket.once('end', this.#onEnd);
    socket.once('close', () => {
      this.#onClose();
    });
    if (receive === undefined) socket.on('data', this.#onData);
  }

  /** Nothing of any request has been sent. */
  get connecting(): boolean {
    return !this.#ready;
  }

  /** Can carry another request: open, and within the time the server keeps it. */
  usable(now: number): boolean {
    return !this.keepAlive.over(now) && !this.#socket.destroyed && this.#socket.writable;
  }

  get #streaming(): boolean {
    return this.#answering && this.#exchange !== undefined;
  }

  /** Carries an exchange; once the socket is ready, if it is not yet. */
  send(exchange: Exchange): void {
    this.#exchange = exchange;
    exchange.carrier = this;
    this.keepAlive.wake(this.#socket);
    if (this.#ready) this.#write(exchange);
  }

  /** Ends what has run out of time. Called by the client's sweep, so no request needs a timer. */
  check(now: number): void {
    if (this.#exchange === undefined) {
      if (this.#ready && this.keepAlive.over(now)) this.destroy();
      else this.keepAlive.rest(this.#socket);
      return;
    }
    if (!this.#deadline.passed(now)) return;
    if (this.#upload.holdsBody) this.#upload.releaseBody();
    else this.#fail(new ProxyError(this.#deadline.code, { server: this.#owner.server }));
  }

  /** @param reason what the exchange in flight is told, if there is one */
  destroy(reason?: ProxyError): void {
    this.#error ??= reason;
    this.#socket.destroy();
  }

  /** The exchange was aborted: what is on the wire cannot be taken back. */
  abandon(): void {
    this.#detach();
    this.#socket.destroy();
  }

  /** Holds back the body; a head that is still awaited comes, or runs out of time, all the same. */
  pause(): void {
    if (!this.#answering) return;
    this.#deadline.clear();
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#answering) return;
    this.#deadline.set('ERR_SEKISHO_IDLE_TIMEOUT', this.#owner.timeouts.idle);
    this.#socket.resume();
  }

  #onReady(): void {
    this.#ready = true;
    this.#deadline.clear();
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    exchange.connectTime = clock.monotonic() - this.#dialled;
    this.#write(exchange);
  }

  #write(exchange: Exchange): void {
    this.#parser.begin(exchange.method, exchange.upgrading);
    this.#answering = false;
    this.#heardFrom = false;
    this.#upload.send(exchange);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#onRead(chunk, chunk.length);
  };

  #onRead(bytes: Buffer, count: number): void {
    if (this.#closed) return;
    this.#heardFrom = true;
    try {
      this.#parser.execute(bytes, 0, count);
    } catch (error) {
      this.#fail(error);
    }
  }

  onInterim(head: AnswerHead): void {
    if (head.status === 100) this.#upload.releaseBody();
    this.#exchange?.respond(head);
  }

  onUpgrade(head: AnswerHead, bytes: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    const socket = this.#socket;
    this.#detach();
    this.#closed = true;
    socket.off('data', this.#onData).off('end', this.#onEnd).pause();
    if (start < end) socket.unshift(Buffer.from(bytes.subarray(start, end)));
    this.#owner.onClosed(this);
    exchange?.upgrade(head, socket);
  }

  onWhole(head: AnswerHead, bytes: Buffer, start: number, end: number): void {
    const exchange = this.#complete(head);
    exchange?.whole(head, bytes, start, end);
  }

  onHead(head: AnswerHead): void {
    this.#answering = true;
    this.keepAlive.hint = head.keepAliveHint;
    this.#deadline.set('ERR_SEKISHO_IDLE_TIMEOUT', this.#owner.timeouts.idle);
    this.#upload.onAnswer();
    const exchange = this.#exchange;
    exchange?.respond(head);
    if (exchange?.paused === true) this.pause();
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    if (!exchange.paused) this.#deadline.set('ERR_SEKISHO_IDLE_TIMEOUT', this.#owner.timeouts.idle);
    const receive = this.#receive;
    if (receive === undefined) exchange.data(bytes.subarray(start, end));
    else if (!exchange.data(receive.hand(bytes, start, end))) receive.giveAway();
  }

  onEnd(trailers: string[]): void {
    const exchange = this.#complete(undefined);
    exchange?.end(trailers);
  }

  /** The answer is here to its end: frees the connection before the handler hears of it, so that it may be used at once. */
  #complete(head: AnswerHead | undefined): Exchange | undefined {
    const exchange = this.#exchange;
    if (head !== undefined) this.keepAlive.hint = head.keepAliveHint;
    const paused = exchange?.paused === true;
    // A server that answers before it has read the request may well not read the rest of it.
    const reusable = this.#upload.done && this.#parser.keepAlive && !this.#socket.destroyed;
    this.#detach();
    this.#answering = false;
    this.#carried++;
    this.#deadline.clear();
    if (!reusable) this.#socket.destroy();
    else {
      if (paused) this.#socket.resume();
      this.#owner.onIdle(this);
    }
    return exchange;
  }

  #detach(): void {
    this.#upload.stop();
    if (this.#exchange !== undefined) this.#exchange.carrier = undefined;
    this.#exchange = undefined;
  }

  readonly #onEnd = (): void => {
    if (this.#exchange !== undefined && this.#parser.finish()) return;
    this.#socket.destroy();
  };

  #onClose(): void {
    this.#fail(this.#error ?? new Error('the server closed the connection'));
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.onClosed(this);
  }

  /** Ends the exchange with an error and the connection with it. */
  #fail(cause: unknown): void {
    const exchange = this.#exchange;
    const connecting = !this.#ready;
    const answering = this.#answering;
    const stale = this.#carried > 0 && !this.#heardFrom && !(cause instanceof ProxyError);
    this.#detach();
    this.#socket.destroy();
    if (exchange === undefined || exchange.ended) return;
    if (stale && this.#owner.onStale(exchange)) return;
    const error = failure(cause, {
      server: this.#owner.server,
      connecting,
      answering,
      reused: stale,
    });
    exchange.fail(error);
  }
}
