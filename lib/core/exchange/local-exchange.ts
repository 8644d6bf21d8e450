import type { Request } from 'express';
import type { Dispatcher } from 'undici';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { AnswerFields } from './answer-fields.ts';
import { asDirect, type DirectHandler } from './contract.ts';
import type { Layer } from './layer.ts';
import { LocalReply } from './local-reply.ts';
import { Output } from './output.ts';

/**
 * When the client has left and a wrapper wants the answer all the same (a cache for others), the handler may be silent
 * for this long (milliseconds) before the exchange counts as failed.
 */
export const silenceWithoutClient = 30_000;

/** The head of an answer, as a handler of the app gave it. */
export interface LocalHead {
  readonly status: number;
  readonly message: string;
  readonly fields: AnswerFields;
}

type Piece =
  | { readonly kind: 'interim'; readonly status: number; readonly fields: readonly string[] }
  | { readonly kind: 'head'; readonly head: LocalHead }
  | {
      readonly kind: 'data';
      readonly chunk: Buffer;
      readonly done: ((error?: Error) => void) | undefined;
    }
  | { readonly kind: 'end'; readonly trailers: readonly string[] };

/**
 * The answer of a handler of the app as an exchange: what it writes (`output`) is told to the wrappers, at their pace, and
 * what they make of it is written by `reply`. To the wrappers it is the controller of the exchange.
 */
export class LocalExchange implements Dispatcher.DispatchController {
  readonly layer: Layer;
  readonly output: Output;
  readonly reply: LocalReply;
  head: LocalHead | undefined;
  /** The handler has said everything. */
  ended = false;
  /** The handler was told to wait. */
  needsDrain = false;
  aborted = false;
  paused = false;
  reason: Error | null = null;
  rawTrailers: string[] | null = null;
  readonly #queue: Piece[] = [];
  #handler: DirectHandler | undefined;
  #begun = false;
  #delivering = false;
  /** Nothing more is told to the wrappers. */
  #over = false;
  #failure: Error | undefined;
  /** The client is gone, and the handler does not know. */
  #held = false;
  #stopTimer: (() => void) | undefined;

  constructor(layer: Layer) {
    this.layer = layer;
    this.output = new Output(this);
    this.reply = new LocalReply(this);
  }

  get rawHeaders(): string[] | null {
    return this.head === undefined ? null : [...this.head.fields.list];
  }

  get holdsHead(): boolean {
    return this.head !== undefined && !this.reply.begun;
  }

  /** Whether what the handler writes is lost: nobody has asked for it, or nobody wants it any more. */
  isUnwanted(): boolean {
    return this.#over || (this.reply.over && this.#handler === undefined);
  }

  /** Calls the wrappers; what they dispatch is this exchange. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    let dispatch: Dispatcher['dispatch'] = (_options, handler) => this.start(asDirect(handler));
    try {
      for (const interceptor of this.layer.interceptors.toReversed())
        dispatch = interceptor(dispatch);
      dispatch(optionsOf(this.layer.layers.req), this.reply);
    } catch (error) {
      this.reply.onResponseError(undefined, error as Error);
    }
  }

  start(handler: DirectHandler): boolean {
    this.#begun = true;
    if (this.#handler !== undefined || this.#over) {
      const detail = 'a wrapper dispatched twice; the app answers only once';
      handler.onRequestStart?.(this, null);
      handler.onResponseError?.(
        this,
        this.#failure ?? new ProxyError('ERR_SEKISHO_HOOK', { detail }),
      );
      return true;
    }
    this.#handler = handler;
    handler.onRequestStart?.(this, null);
    this.#deliver();
    return !this.paused;
  }

  /** @returns whether the handler may go on */
  add(...pieces: readonly Piece[]): boolean {
    if (this.isUnwanted()) return !this.aborted;
    this.#queue.push(...pieces);
    if (this.#held) this.#expectMore();
    this.begin();
    this.#deliver();
    if (this.isUnwanted()) return !this.aborted;
    if (this.#queue.length === 0 && !this.paused) return true;
    this.needsDrain = !this.ended;
    return false;
  }

  abort(reason: Error): void {
    if (this.#over) return;
    this.aborted = true;
    this.reason = reason;
    this.fail(reason);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.#deliver();
  }

  /** The answer will not get whole. */
  fail(error: Error): void {
    if (this.#over) return;
    this.#failure = error;
    this.begin();
    this.stop();
    try {
      this.#handler?.onResponseError?.(this, error);
    } catch (cause) {
      this.reply.onResponseError(this, cause as Error);
    }
  }

  /** The client has an answer. When nobody has asked for this one, nobody will. */
  answered(): void {
    if (this.#handler !== undefined || this.#over) return;
    this.#over = true;
    this.#drop();
    this.#drained();
  }

  /** Nothing more is told to the wrappers; the handler hears that nobody listens. */
  stop(): void {
    this.#over = true;
    this.#drop();
    if (!this.ended || this.#held) process.nextTick(() => this.#letGo());
  }

  /** The client is gone, or has everything. */
  closed(): void {
    if (!this.#over) this.begin();
    this.reply.closed();
    if (this.isUnwanted()) {
      this.#over = true;
      this.#drop();
      this.#letGo();
      return;
    }
    this.#held = true;
    this.layer.res.destroyed = false;
    this.#expectMore();
  }

  #expectMore(): void {
    this.#stopTimer?.();
    this.#stopTimer = clock.after(silenceWithoutClient, () => {
      this.fail(new ProxyError('ERR_SEKISHO_IDLE_TIMEOUT', { detail: 'and the client is gone' }));
    });
  }

  #letGo(): void {
    this.#stopTimer?.();
    if (this.#held) this.layer.res.destroyed = true;
    this.#held = false;
    this.layer.events.emit('close');
  }

  #drop(): void {
    const error = this.#failure;
    for (const piece of this.#queue.splice(0))
      if (piece.kind === 'data' && piece.done !== undefined) process.nextTick(piece.done, error);
  }

  #deliver(): void {
    const handler = this.#handler;
    if (handler === undefined || this.#delivering) return;
    this.#delivering = true;
    try {
      while (!this.paused && !this.#over) {
        const piece = this.#queue.shift();
        if (piece === undefined) break;
        this.#tell(handler, piece);
      }
    } catch (error) {
      this.#onThrown(handler, error as Error);
    } finally {
      this.#delivering = false;
    }
    if (!this.paused && !this.#over && this.#queue.length === 0) this.#drained();
  }

  #drained(): void {
    if (!this.needsDrain) return;
    this.needsDrain = false;
    this.layer.events.emit('drain');
  }

  #tell(handler: DirectHandler, piece: Piece): void {
    switch (piece.kind) {
      case 'interim':
        handler.onDirectStart(this, piece.status, piece.fields, '');
        break;
      case 'head':
        handler.onDirectStart(this, piece.head.status, piece.head.fields.list, piece.head.message);
        break;
      case 'data':
        handler.onDirectData(this, piece.chunk);
        if (piece.done !== undefined) process.nextTick(piece.done);
        break;
      case 'end':
        this.rawTrailers = [...piece.trailers];
        this.#over = true;
        handler.onDirectEnd(this, piece.trailers);
        if (this.#held) process.nextTick(() => this.#letGo());
        break;
    }
  }

  /** A wrapper threw: no fault of the handler. */
  #onThrown(handler: DirectHandler, cause: Error): void {
    const error =
      cause instanceof ProxyError ? cause : new ProxyError('ERR_SEKISHO_HOOK', { cause });
    this.#failure = error;
    this.stop();
    try {
      handler.onResponseError?.(this, error);
    } catch {
      this.reply.onResponseError(this, error);
    }
  }
}

function optionsOf(req: Request): Dispatcher.DispatchOptions {
  const { host = 'localhost' } = req.headers;
  return {
    origin: `${req.protocol}://${host}`,
    method: req.method,
    path: req.originalUrl,
    headers: [...req.rawHeaders],
    body: null,
  };
}
