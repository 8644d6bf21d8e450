import type { Request, Response } from 'express';
import { contextOf, type Interceptor } from '../context.ts';
import type { DirectHandler } from './contract.ts';
import { Layer } from './layer.ts';
import type { LocalExchange } from './local-exchange.ts';
import type { LocalReply } from './local-reply.ts';

/**
 * The wrappers around one request. Wrappers that were mounted next to each other are one layer; what stands between
 * two layers (compression, a session, a middleware that sets fields) works on the response as it always does: on
 * the outside it calls the methods of the outer layer, from the inside it is called by the inner one.
 *
 * All of them share one response, so what it says of itself (`headersSent`) depends on who asks: code outside of a
 * layer must not see that this has taken a head already. `view` is how many layers can be seen at the moment.
 */
export class Layers {
  readonly req: Request;
  readonly res: Response;
  /** The first is outermost. */
  readonly #list: Layer[] = [];
  #view = everything;
  #watched = false;

  constructor(req: Request, res: Response) {
    this.req = req;
    this.res = res;
  }

  /** Whether what is written to the response goes to a wrapper first. */
  get armed(): boolean {
    return this.#list.some((layer) => layer.armed);
  }

  /** The exchange whose wrapper asks; a forwarder tells its own to nobody here. */
  get exchange(): LocalExchange | undefined {
    for (let depth = this.#list.length - 1; depth >= 0; depth--) {
      const { armed, exchange } = this.layerAt(depth);
      if (armed && exchange !== undefined && this.sees(depth)) return exchange;
    }
    return undefined;
  }

  wrap(interceptor: Interceptor): void {
    const top = this.#list.at(-1);
    if (top?.intact() === true) top.interceptors.push(interceptor);
    else this.#arm([interceptor]);
  }

  around(): readonly Interceptor[] {
    const top = this.#list.at(-1);
    return top?.intact() === true ? top.interceptors : none;
  }

  take(): readonly Interceptor[] {
    this.showRequestFields();
    const top = this.#list.at(-1);
    if (top?.intact() !== true) return none;
    top.disarm(true);
    return top.interceptors;
  }

  /** The answer to an exchange that is under way comes from what is further down the chain. */
  continueWith(handler: DirectHandler): LocalReply {
    return this.#arm(none).continueWith(handler);
  }

  layerAt(depth: number): Layer {
    return this.#list[depth] as Layer;
  }

  /** Whether code that runs now is inside of this layer. */
  sees(depth: number): boolean {
    return this.#view > depth;
  }

  /** Runs what stands outside of the layer of this depth. */
  outside<Result>(depth: number, call: () => Result): Result {
    return this.#viewing(depth, call);
  }

  /** Runs what stands inside of the layer of this depth. */
  inside<Result>(depth: number, call: () => Result): Result {
    return this.#viewing(depth + 1 === this.#list.length ? everything : depth + 1, call);
  }

  showRequestFields(): void {
    const context = contextOf(this.req);
    if (context.hiddenHeaders === undefined) return;
    this.req.headers = context.hiddenHeaders;
    context.hiddenHeaders = undefined;
  }

  /**
   * Node's own field for a head that is made is the one that old middlewares ask, and that `setHeader` goes by. While an
   * inner layer has a head that has not been written yet, it has a text for those who see that layer.
   */
  mark(): void {
    const { res } = this;
    const internals = res as { _header?: string | null };
    if (!Object.hasOwn(res, '_header')) return;
    const { _header } = internals;
    if (_header !== null && _header !== taken) return;
    const wanted = this.#some((layer) => layer.exchange?.holdsHead === true) ? taken : null;
    if (_header !== wanted) internals._header = wanted;
  }

  /** From now on the response says of itself what the layers know of it. */
  watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    const { res } = this;
    const native = (name: keyof Response): unknown =>
      Reflect.get(Object.getPrototypeOf(res) as object, name, res) as unknown;
    const define = (name: keyof Response, get: () => unknown): void => {
      Object.defineProperty(res, name, { get, configurable: true, enumerable: false });
    };
    define('headersSent', () => this.#some(hasHead) || native('headersSent'));
    define('writableEnded', () => this.#some(hasEnded) || native('writableEnded'));
    define('writableNeedDrain', () =>
      this.#some(hasHead) ? this.#some(needsDrain) : native('writableNeedDrain'),
    );
    // Not `writableLength`: Node goes by it when it tells of `drain`.
  }

  #arm(interceptors: readonly Interceptor[]): Layer {
    const layer = new Layer(this, this.#list.length, interceptors);
    this.#list.push(layer);
    layer.arm();
    return layer;
  }

  #viewing<Result>(view: number, call: () => Result): Result {
    const before = this.#view;
    this.#view = view;
    this.mark();
    try {
      return call();
    } finally {
      this.#view = before;
      this.mark();
    }
  }

  #some(condition: (layer: Layer) => boolean): boolean {
    return this.#list.some((layer, depth) => this.sees(depth) && condition(layer));
  }
}

const everything = Number.POSITIVE_INFINITY;
const none: readonly Interceptor[] = [];

/** Should somebody make Node write it after all, the client gets an answer that is one. */
const taken =
  'HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

function hasHead(layer: Layer): boolean {
  return layer.exchange?.head !== undefined;
}

function hasEnded(layer: Layer): boolean {
  return layer.exchange?.ended === true;
}

function needsDrain(layer: Layer): boolean {
  return layer.exchange?.needsDrain === true;
}
