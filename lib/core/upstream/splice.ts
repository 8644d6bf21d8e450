import type { Duplex } from 'node:stream';
import { clock } from '../clock.ts';
import { ownSocket, type SocketOwner } from '../taken-sockets.ts';
import { sever } from './sever.ts';
import { SpliceDirection, type DirectionObserver } from './splice-direction.ts';

/** How a pair ended. */
export type SpliceReason =
  /** Both sides ended in order. */
  | 'completed'
  | 'client-aborted'
  | 'upstream-aborted'
  /** Nothing moved for the idle time. */
  | 'idle'
  /** One side had ended and the other, silent, did not follow. */
  | 'half-closed'
  /** `close()` or `destroy()` was called. */
  | 'closed';

export interface SpliceEnd {
  readonly reason: SpliceReason;
  readonly error: Error | undefined;
  /** Bytes that came from the client. */
  readonly bytesReceived: number;
  /** Bytes that went to the client. */
  readonly bytesSent: number;
}

export interface SpliceOptions {
  /** Bytes of the client read before the splice; they go to the upstream first. @default none */
  readonly clientHead?: Uint8Array;
  /** Bytes of the upstream read before the splice; they go to the client first. @default none */
  readonly upstreamHead?: Uint8Array;
  /** The bytes are WebSocket frames, so `close()` can say goodbye in them. @default false */
  readonly webSocket?: boolean;
  /** Milliseconds without a byte in either direction after which the pair ends; 0 for never. @default 0 */
  readonly idle?: number;
  /** The same once one side has ended, so that half-open pairs do not pile up. @default 10000 */
  readonly halfClose?: number;
  /** Asked before a chunk is written: one for which it says `false` is dropped, e.g. to stop a transfer at a volume. */
  readonly onBytes?: (direction: 'received' | 'sent', bytes: number) => unknown;
  /** Told once, when both sockets are closed. */
  readonly onEnd?: (end: SpliceEnd) => void;
}

/** A pair of spliced sockets. */
export interface Splice extends SocketOwner {
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /**
   * Ends both sides, WebSockets by a Close frame to each at its next frame boundary. Bounded by
   * `halfClose` when they do not follow.
   * @param code default 1001, "going away"
   */
  close(code?: number): void;
}

/**
 * Moves bytes both ways between two sockets, which it owns from now on. Backpressure holds, a FIN is
 * passed on as a FIN. An error or an abrupt end of one side resets the other, as does every end before its time: nobody is
 * to take half of something for the whole.
 */
export function splice(client: Duplex, upstream: Duplex, options: SpliceOptions = {}): Splice {
  return new SocketPair(client, upstream, options);
}

class SocketPair implements Splice, DirectionObserver {
  readonly #options: SpliceOptions;
  readonly #up: SpliceDirection;
  readonly #down: SpliceDirection;
  #reason: SpliceReason | undefined;
  #error: Error | undefined;
  #open = 2;
  #reported = false;
  #lastMoved = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(client: Duplex, upstream: Duplex, options: SpliceOptions) {
    this.#options = options;
    const { webSocket = false } = options;
    this.#up = new SpliceDirection(client, upstream, webSocket ? 'masked' : undefined, this);
    this.#down = new SpliceDirection(upstream, client, webSocket ? 'plain' : undefined, this);
    this.#guard(client, 'client-aborted');
    this.#guard(upstream, 'upstream-aborted');
    ownSocket(client, this);
    this.#up.start(options.clientHead);
    this.#down.start(options.upstreamHead);
    this.#watch();
  }

  get bytesReceived(): number {
    return this.#up.bytes;
  }

  get bytesSent(): number {
    return this.#down.bytes;
  }

  close(code = 1001): void {
    this.#reason ??= 'closed';
    this.#down.close(code);
    this.#up.close(code);
    this.#watch();
  }

  destroy(): void {
    this.#end('closed');
  }

  moves(direction: SpliceDirection, bytes: number): boolean {
    this.#lastMoved = clock.monotonic();
    return this.#options.onBytes?.(direction === this.#up ? 'received' : 'sent', bytes) !== false;
  }

  ended(): void {
    this.#watch();
  }

  #guard(socket: Duplex, abort: SpliceReason): void {
    socket.on('error', (error) => this.#end(abort, error));
    socket.once('close', () => {
      this.#open -= 1;
      if (this.#open === 0) this.#report();
      else if (!this.#finished()) this.#end(abort);
    });
    // A side that was gone before we came has no event left to tell us.
    if (socket.destroyed) process.nextTick(() => this.#end(abort));
    if (socket.closed) this.#open -= 1;
  }

  /** Both directions have carried their last byte: a close is no abort any more. */
  #finished(): boolean {
    return this.#up.ended && this.#down.ended;
  }

  /** (Re)starts the timer that ends a pair in which nothing moves. */
  #watch(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { idle = 0, halfClose = 10_000 } = this.#options;
    const half = this.#up.ended || this.#down.ended || this.#reason !== undefined;
    const limit = half ? (idle === 0 ? halfClose : Math.min(idle, halfClose)) : idle;
    if (this.#open === 0 || (limit === 0 && !half)) return;
    this.#lastMoved = clock.monotonic();
    this.#arm(limit, limit, half ? 'half-closed' : 'idle');
  }

  #arm(wait: number, limit: number, reason: SpliceReason): void {
    this.#cancelTimer = clock.after(wait, () => {
      const left = limit - (clock.monotonic() - this.#lastMoved);
      if (left > 0) this.#arm(left, limit, reason);
      else this.#end(reason);
    });
  }

  #end(reason: SpliceReason, error?: Error): void {
    this.#reason ??= reason;
    this.#error ??= error;
    for (const direction of [this.#up, this.#down])
      // Who has been given everything, and a FIN, keeps it.
      if (direction.ended) direction.sink.destroy();
      else sever(direction.sink);
    if (this.#open === 0) this.#report();
  }

  #report(): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#cancelTimer?.();
    this.#options.onEnd?.({
      reason: this.#reason ?? 'completed',
      error: this.#error,
      bytesReceived: this.bytesReceived,
      bytesSent: this.bytesSent,
    });
  }
}
