import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { Transaction } from './transaction.ts';

/** undici's interceptor: what a wrapper middleware pushes and a forwarder composes around its transport. */
export type Interceptor = Dispatcher.DispatcherComposeInterceptor;

/** An upgrade or tunnel request that the server door has put through the chain. */
export interface UpgradeRequest {
  readonly socket: Duplex;
  /** Bytes the client sent after the head. */
  readonly head: Buffer;
  /** Takes the socket away from the response: from now on the taker owns its every byte. */
  take(): Duplex;
}

/** What the middlewares know of one request; shared by all of them, seen by nobody else. */
export class Context {
  /** Wrappers in mount order: the first is outermost. */
  readonly interceptors: Interceptor[] = [];
  readonly transaction: Transaction;
  /** Present when the request came through the door as an upgrade. */
  upgrade: UpgradeRequest | undefined;
  /** The client waits for `100 Continue` before it sends the body, and nobody has said so yet. */
  awaitsContinue = false;
  #id: string | undefined;
  #strip: Set<string> | undefined;

  constructor(req: IncomingMessage) {
    // Express keeps the untouched target in originalUrl; req.url loses its mount prefixes.
    const { originalUrl } = req as { originalUrl?: string };
    this.transaction = new Transaction(req.method ?? '', originalUrl ?? req.url ?? '');
  }

  /** Lower-cased response fields of the upstream that are not handed on (`securityHeaders`); to be added to. */
  get strip(): Set<string> {
    return (this.#strip ??= new Set());
  }

  /** The same for readers: most requests have none. */
  get stripped(): ReadonlySet<string> | undefined {
    return this.#strip;
  }

  /** The request id, made when first asked for. The log, the error page and the client see the same one. */
  get id(): string {
    return (this.#id ??= randomUUID());
  }
}

/** A base class whose constructor gives back the object it is handed, so that the fields of a subclass are put on that. */
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- the constructor is all there is to it
class Given {
  constructor(given: object) {
    return given;
  }
}

/**
 * Keeps the context in a private field of the request itself: like a WeakMap it is seen by nobody else, but it
 * costs a tenth (a WeakMap's entries have to be looked through at every collection of young objects).
 */
class Kept extends Given {
  #context: Context;

  constructor(req: IncomingMessage) {
    super(req);
    this.#context = new Context(req);
  }

  static contextOf(req: IncomingMessage): Context {
    const kept = #context in req ? (req as unknown as Kept) : new Kept(req);
    return kept.#context;
  }
}

/** The context of this request, made when first asked for. */
export function contextOf(req: IncomingMessage): Context {
  return Kept.contextOf(req);
}
