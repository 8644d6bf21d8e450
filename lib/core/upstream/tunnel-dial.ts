import type { Socket } from 'node:net';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { failure } from './http1/failure.ts';
import { connectSource } from './tunnel-source.ts';

/** RFC 8305 §5: how long an address is tried alone before the next one is tried, too (milliseconds). */
const headStart = 250;

export interface DialOrder {
  /** `host:port`, for errors. */
  readonly server: string;
  /** Tried in turn; connected to is one of these and nothing else. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Milliseconds for all of them together. */
  readonly timeout: number;
  /** Nobody wants the connection any more. */
  readonly signal: AbortSignal;
}

/**
 * Opens a connection to the first of several addresses that answers ("happy eyeballs", RFC 8305). Rejects with a
 * ProxyError: ERR_SEKISHO_CONNECT_REFUSED, ERR_SEKISHO_CONNECT_TIMEOUT, ERR_SEKISHO_CLIENT_ABORTED.
 */
export function dialAny(order: DialOrder): Promise<Socket> {
  return new Dial(order).promise;
}

class Dial {
  readonly #order: DialOrder;
  readonly #left: string[];
  /** In the making. */
  readonly #open: Set<Socket> = new Set();
  readonly #outcome: PromiseWithResolvers<Socket> = Promise.withResolvers();
  readonly #cancelTimeout: () => void;
  #cancelNext: (() => void) | undefined;
  #over = false;

  constructor(order: DialOrder) {
    this.#order = order;
    this.#left = [...order.addresses];
    const { server, timeout, signal } = order;
    this.#cancelTimeout = clock.after(timeout, () => {
      this.#fail(new ProxyError('ERR_SEKISHO_CONNECT_TIMEOUT', { server }));
    });
    signal.addEventListener('abort', this.#aborted);
    if (signal.aborted) this.#aborted();
    else this.#next();
  }

  get promise(): Promise<Socket> {
    return this.#outcome.promise;
  }

  #next(): void {
    this.#cancelNext?.();
    const host = this.#left.shift();
    if (host === undefined) return;
    const { port } = this.#order;
    const socket = connectSource({ host, port, noDelay: true, allowHalfOpen: true });
    this.#open.add(socket);
    // For good: a connection may break while nobody has it yet.
    socket.on('error', (error) => {
      this.#refused(socket, error);
    });
    socket.once('connect', () => {
      this.#connected(socket);
    });
    this.#cancelNext = clock.after(headStart, () => {
      this.#next();
    });
  }

  #connected(socket: Socket): void {
    this.#open.delete(socket);
    if (this.#over) {
      socket.destroy();
      return;
    }
    this.#stop();
    this.#outcome.resolve(socket);
  }

  #refused(socket: Socket, error: Error): void {
    this.#open.delete(socket);
    if (this.#over) return;
    const { server } = this.#order;
    if (this.#left.length > 0) this.#next();
    else if (this.#open.size === 0)
      this.#fail(failure(error, { server, connecting: true, answering: false }));
  }

  readonly #aborted = (): void => {
    this.#fail(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED', { stage: 'connect' }));
  };

  #fail(error: ProxyError): void {
    if (this.#over) return;
    this.#stop();
    this.#outcome.reject(error);
  }

  #stop(): void {
    this.#over = true;
    this.#cancelTimeout();
    this.#cancelNext?.();
    this.#order.signal.removeEventListener('abort', this.#aborted);
    for (const socket of this.#open) socket.destroy();
  }
}
