import type { Socket } from 'node:net';
import { clock } from '../clock.ts';
import { Dialer, type UpstreamTls } from './http1/socket.ts';

/** Where an engine listens. */
export interface DialogueTarget {
  /** Path of a unix socket; in place of host and port. */
  readonly socket?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Speak TLS. */
  readonly tls?: UpstreamTls | undefined;
}

/** What a dialogue tells. After `onClose` nothing follows. */
export interface DialogueListener {
  /** @param bytes are the listener's to keep */
  onData(bytes: Buffer): void;
  /** After a `write()` that returned false. */
  onDrain?(): void;
  /** It has ended, not by `destroy()`: the peer has closed it or a time limit was passed. */
  onClose(reason: Error): void;
}

/** The address of an engine, and how to get there. */
export class DialogueAddress {
  readonly #dialer: Dialer;
  readonly #connectTimeout: number;

  /** @param connectTimeout milliseconds */
  constructor(target: DialogueTarget, connectTimeout: number) {
    this.#dialer = new Dialer(urlOf(target), target.tls);
    this.#connectTimeout = connectTimeout;
  }

  /** Opens a connection. What is written before it is there is sent when it is. */
  open(listener: DialogueListener): Dialogue {
    return new Dialogue(this.#dialer, this.#connectTimeout, listener);
  }
}

/**
 * A connection to an engine that speaks a protocol of its own (clamd, ICAP): bytes both ways, and time limits that always
 * end in `onClose`.
 */
export class Dialogue {
  /** Whoever is spoken for; a kept connection gets another one for each question. */
  listener: DialogueListener;
  readonly #socket: Socket;
  #stopTimer: (() => void) | undefined;
  /** The limit that counts from when there is a connection. */
  #next: { readonly milliseconds: number; readonly what: string } | undefined;
  #connecting = true;
  #over = false;

  constructor(dialer: Dialer, connectTimeout: number, listener: DialogueListener) {
    this.listener = listener;
    this.#socket = dialer.dial(undefined, () => {
      this.#connecting = false;
      this.#stop();
      if (this.#next !== undefined) this.limit(this.#next.milliseconds, this.#next.what);
    });
    this.#start(connectTimeout, 'no connection');
    this.#socket
      .on('data', (bytes: Buffer) => {
        if (!this.#over) this.listener.onData(bytes);
      })
      .on('drain', () => {
        if (!this.#over) this.listener.onDrain?.();
      })
      .on('error', (error) => {
        this.#close(error);
      })
      .on('close', () => {
        this.#close(new Error('the connection was closed'));
      });
  }

  get over(): boolean {
    return this.#over;
  }

  /** @returns false when no more should be written before `onDrain` */
  write(...pieces: readonly (Buffer | string)[]): boolean {
    const socket = this.#socket;
    if (this.#over) return true;
    socket.cork();
    let more = true;
    for (const piece of pieces)
      more = typeof piece === 'string' ? socket.write(piece, 'latin1') : socket.write(piece);
    socket.uncork();
    return more;
  }

  /** Calls back when the system has taken all that was written: then there is a connection. */
  flushed(callback: () => void): void {
    this.#socket.write(nothing, (error) => {
      if (!this.#over && (error === null || error === undefined)) callback();
    });
  }

  /** Ends it unless `lift()` is called within so many milliseconds, which count from when there is a connection. */
  limit(milliseconds: number, what: string): void {
    if (this.#connecting) this.#next = { milliseconds, what };
    else this.#start(milliseconds, what);
  }

  lift(): void {
    this.#next = undefined;
    if (!this.#connecting) this.#stop();
  }

  /** An idle connection does not keep the process alive. */
  rest(listener: DialogueListener): void {
    this.listener = listener;
    this.#socket.unref();
  }

  wake(listener: DialogueListener): void {
    this.listener = listener;
    this.#socket.ref();
  }

  /** Ends it; nothing more is told. */
  destroy(): void {
    this.#over = true;
    this.#stop();
    this.#socket.destroy();
  }

  #start(milliseconds: number, what: string): void {
    this.#stop();
    if (this.#over) return;
    this.#stopTimer = clock.after(milliseconds, () => {
      this.#close(new Error(`${what} within ${milliseconds} ms`));
    });
  }

  #stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #close(reason: Error): void {
    if (this.#over) return;
    this.destroy();
    this.listener.onClose(reason);
  }
}

const nothing = Buffer.alloc(0);

function urlOf({ socket, host = '127.0.0.1', port = 0, tls }: DialogueTarget): URL {
  if (socket !== undefined)
    return new URL(`unix://${socket.split('/').map(encodeURIComponent).join('/')}`);
  const authority = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return new URL(`${tls === undefined ? 'http' : 'https'}://${authority}:${port}`);
}
