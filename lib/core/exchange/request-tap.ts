import type { IncomingMessage, ServerResponse } from 'node:http';
import { clock } from '../clock.ts';
import { contextOf } from '../context.ts';
import { isReset } from './is-reset.ts';

/** Who stands between a client that sends a body and whoever reads it. */
export interface TapListener {
  /** @param chunk is the listener's to keep */
  onData(chunk: Buffer): void;
  /** The client has sent everything. */
  onEnd(): void;
  /** Whoever reads wants more, after a `forward()` that returned false. */
  onWanted(): void;
  /** The client has left before it had sent everything, or somebody has destroyed the request. */
  onGone(): void;
}

/** Milliseconds between looks at a client that waits for us to read on. */
const lookInterval = 500;

type Natives = Pick<IncomingMessage, 'push' | '_read'>;

/**
 * Stands in the body of a request, between the parser, which pushes it into `req`, and whoever will read `req` further
 * down the chain: a forwarder, a body parser, a handler of the app. To them the request is one that nobody has read.
 */
export class RequestTap {
  readonly #req: IncomingMessage;
  readonly #listener: TapListener;
  #paused = false;
  #ended = false;
  #over = false;
  /** All of it was there already, and lies in `req` again. */
  #lies = false;
  #cancelLook: (() => void) | undefined;

  constructor(req: IncomingMessage, listener: TapListener) {
    this.#req = req;
    this.#listener = listener;
  }

  /** Whether somebody has read it before: then it is too late. */
  static isRead(req: IncomingMessage): boolean {
    return req.readableDidRead || req.readableEnded;
  }

  /** Whether it has come to its end without a byte. */
  static isEmpty(req: IncomingMessage): boolean {
    return req.readableLength === 0 && stateOf(req).ended;
  }

  /** Whether nothing can be handed on in parts: it lies in `req`, and whoever gets the request has all of it. */
  get whole(): boolean {
    return this.#lies;
  }

  /** Begins to read; a client that waits for `100 Continue` gets it. */
  start(res: ServerResponse): void {
    const req = this.#req;
    const context = contextOf(req);
    // The door's own, which sends the 100 when somebody reads.
    Reflect.deleteProperty(req, '_read');
    if (context.awaitsContinue) {
      context.awaitsContinue = false;
      res.writeContinue();
    }
    req.once('close', this.#onClose);
    const early = this.#takeEarly();
    if (!this.#lies) {
      req.push = this.#onPush;
      req._read = () => {
        this.#listener.onWanted();
      };
    }
    if (early !== undefined) this.#listener.onData(early);
    if (this.#lies) this.#end();
    else this.#read();
  }

  pause(): void {
    this.#paused = true;
    if (this.#ended || this.#over) return;
    this.#cancelLook ??= clock.every(lookInterval, () => {
      const { socket } = this.#req;
      if (isReset(socket)) socket.destroy();
    });
  }

  resume(): void {
    this.#paused = false;
    this.#stopLooking();
    if (!this.#ended && !this.#over) this.#read();
  }

  /**
   * Hands bytes on to whoever reads.
   *
   * @returns false when no more are wanted for now
   */
  forward(chunk: Buffer): boolean {
    if (this.#over || this.#lies) return true;
    return this.#native('push').call(this.#req, chunk);
  }

  /** Everything has been handed on: from here on the request is on its own. */
  close(): void {
    if (this.#over) return;
    this.#restore();
    if (!this.#lies) this.#req.push(null);
  }

  /** What still comes is nobody's: it may be read and thrown away. */
  letGo(): void {
    if (this.#over) return;
    this.#restore();
    if (this.#ended && !this.#lies) this.#req.push(null);
  }

  /** Whoever reads must not take what came for the whole; the client's connection ends with it. */
  destroy(error: Error): void {
    if (this.#over) return;
    this.#restore();
    // The client has sent all of it, perhaps; whoever reads has not got it.
    this.#req.complete = false;
    this.#req.destroy(error);
  }

  /** What has come while middlewares in front were thinking. */
  #takeEarly(): Buffer | undefined {
    const req = this.#req;
    const state = stateOf(req);
    // Nothing can be pushed behind the end, but in front.
    this.#lies = state.ended;
    if (req.readableLength === 0) return undefined;
    const early = readAll(req);
    if (this.#lies) req.unshift(early);
    // Nobody has read it: `readableDidRead` says so again.
    state.dataEmitted = false;
    return early;
  }

  #read(): void {
    this.#native('_read').call(this.#req, this.#req.readableHighWaterMark);
  }

  readonly #onPush = (chunk: Buffer | null): boolean => {
    if (chunk === null) this.#end();
    else if (!this.#over) this.#listener.onData(chunk);
    return !this.#paused;
  };

  readonly #onClose = (): void => {
    if (this.#over) return;
    this.#restore();
    this.#listener.onGone();
  };

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listener.onEnd();
  }

  #stopLooking(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  #restore(): void {
    const req = this.#req;
    this.#over = true;
    this.#stopLooking();
    req.off('close', this.#onClose);
    if (this.#lies) return;
    Reflect.deleteProperty(req, 'push');
    Reflect.deleteProperty(req, '_read');
  }

  #native<Name extends keyof Natives>(name: Name): Natives[Name] {
    return Reflect.get(Object.getPrototypeOf(this.#req) as object, name);
  }
}

/** What lies in a stream: from Node 26 on `read()` gives one chunk of it, before it gave all. */
function readAll(req: IncomingMessage): Buffer {
  const chunks: Buffer[] = [];
  while (req.readableLength > 0) {
    const chunk = req.read() as Buffer | null;
    if (chunk === null) break;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/** Node's own notes on a stream: nothing public says that a body has come, and nobody has read it. */
function stateOf(req: IncomingMessage): { readonly ended: boolean; dataEmitted: boolean } {
  return (req as unknown as { _readableState: { ended: boolean; dataEmitted: boolean } })
    ._readableState;
}
