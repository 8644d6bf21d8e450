import type { Layer } from './layer.ts';
import type { CapturedMethod } from './response-methods.ts';

type Listener = (...args: unknown[]) => void;

/**
 * The listeners of what stands inside of a layer, for events of the response that mean something else there: `drain` when
 * the wrappers want more, `close` when nobody wants the answer any more or it has been sent.
 */
export class HeldEvents {
  readonly #layer: Layer;
  #listeners: { readonly event: string; readonly listener: Listener }[] = [];
  #closed = false;

  constructor(layer: Layer) {
    this.#layer = layer;
  }

  capture(name: CapturedMethod, args: readonly unknown[]): unknown {
    const { methods, res } = this.#layer;
    const [event, listener] = args as [string, Listener];
    if ((event !== 'drain' && event !== 'close') || typeof listener !== 'function')
      return methods.call(name, ...args);
    if (name === 'removeListener' || name === 'off') this.#remove(event, listener);
    else if (name === 'prependListener') this.#listeners.unshift({ event, listener });
    else this.#listeners.push({ event, listener });
    return res;
  }

  emit(event: 'drain' | 'close'): void {
    if (event === 'close') {
      if (this.#closed) return;
      this.#closed = true;
    }
    const { layers, depth, res } = this.#layer;
    const listeners = this.#listeners.filter((one) => one.event === event);
    layers.inside(depth, () => {
      for (const { listener } of listeners) listener.call(res);
    });
  }

  /** The response tells them itself from now on. */
  release(): void {
    const { methods } = this.#layer;
    for (const { event, listener } of this.#listeners)
      if (event !== 'close' || !this.#closed) methods.call('on', event, listener);
    this.#listeners = [];
  }

  /** As EventEmitter: the one added last, and those of `once` by the function they were given. */
  #remove(event: string, listener: Listener): void {
    const at = this.#listeners.findLastIndex(
      (one) =>
        one.event === event &&
        (one.listener === listener ||
          (one.listener as { listener?: unknown }).listener === listener),
    );
    if (at >= 0) this.#listeners.splice(at, 1);
  }
}
