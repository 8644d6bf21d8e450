import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { UpgradeRequest } from '../context.ts';
import { lingerEnd } from '../linger.ts';

/**
 * An upgrade on its way through the chain. It ends in one of three ways: somebody takes the socket,
 * the response is answered (and the socket ends after it), or the socket is released untouched.
 */
export class PendingUpgrade implements UpgradeRequest {
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly res: ServerResponse;
  /** Nobody has taken, answered or released it yet. */
  pending = true;

  /** @throws when an earlier, pipelined request of this socket is still being answered */
  constructor(req: IncomingMessage, socket: Duplex, head: Buffer) {
    this.socket = socket;
    this.head = head;
    this.res = new ServerResponse(req);
    this.res.shouldKeepAlive = false;
    this.res.assignSocket(asSocket(socket));
    this.res.once('finish', this.#answered);
    // The HTTP server has withdrawn its own listeners from the socket; these take their places.
    socket.on('error', ignore).on('drain', this.#drained).on('end', this.#clientEnded);
    // Reading into the socket's own bounded buffer is the only way to notice that the client left.
    socket.read(0);
  }

  take(): Duplex {
    if (!this.pending) throw new Error('The socket of this upgrade has been taken or answered');
    const { res, socket } = this;
    this.#detach();
    asSocket(socket).setTimeout(0);
    // The response will never finish; what waits for its end (logs, limiters) waits for 'close', too.
    if (socket.destroyed) closeResponse(res);
    else socket.once('close', () => closeResponse(res));
    return socket;
  }

  /** Leaves the socket to others, as it came. */
  release(): void {
    this.#detach();
    this.socket.removeListener('error', ignore);
  }

  /** Tells those who wait for the end of the response, once released, that there will be no other. */
  abandon(): void {
    closeResponse(this.res);
  }

  /** What becomes of the socket once the answer is out. */
  protected answered(): void {
    lingerEnd(this.socket);
  }

  readonly #answered = (): void => {
    this.#detach();
    closeResponse(this.res);
    this.answered();
  };

  readonly #drained = (): void => {
    if (!this.res.writableEnded) this.res.emit('drain');
  };

  readonly #clientEnded = (): void => {
    // With early data a FIN may be half of an exchange; without, nobody waits for the answer.
    if (this.head.length === 0 && !this.res.headersSent) this.socket.destroy();
  };

  #detach(): void {
    this.pending = false;
    this.res.removeListener('finish', this.#answered);
    if (this.res.socket !== null) this.res.detachSocket(asSocket(this.socket));
    this.socket.removeListener('drain', this.#drained).removeListener('end', this.#clientEnded);
  }
}

function closeResponse(res: ServerResponse): void {
  res.destroyed = true;
  process.nextTick(() => res.emit('close'));
}

/** A ServerResponse is typed for a net.Socket and works with any Duplex, as the server itself does. */
function asSocket(socket: Duplex): Socket {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  return socket as Socket;
}

function ignore(): void {
  // A socket that fails closes; whoever waits hears that.
}
