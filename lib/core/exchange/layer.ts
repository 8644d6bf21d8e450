import type { Response } from 'express';
import type { Interceptor } from '../context.ts';
import type { DirectHandler } from './contract.ts';
import { HeldEvents } from './held-events.ts';
import type { Layers } from './layers.ts';
import { LocalExchange } from './local-exchange.ts';
import type { LocalReply } from './local-reply.ts';
import { FieldSnapshot } from './response-fields.ts';
import { ResponseMethods, type CapturedMethod } from './response-methods.ts';

/**
 * Wrappers that stand next to each other around what is further down the chain. It has its own methods on the response;
 * what comes through them is the answer the wrappers see, and what they make of it goes on to the methods that
 * were there before.
 */
export class Layer {
  readonly layers: Layers;
  readonly depth: number;
  readonly interceptors: Interceptor[];
  /** As they were before. */
  readonly methods: ResponseMethods;
  /** What was on the response before. */
  readonly fields: FieldSnapshot;
  readonly events: HeldEvents;
  /** Whether what comes through its methods is for the wrappers. */
  armed = true;
  exchange: LocalExchange | undefined;

  constructor(layers: Layers, depth: number, interceptors: readonly Interceptor[]) {
    this.layers = layers;
    this.depth = depth;
    this.interceptors = [...interceptors];
    this.methods = new ResponseMethods(layers.res);
    this.fields = new FieldSnapshot(layers.res);
    this.events = new HeldEvents(this);
  }

  get res(): Response {
    return this.layers.res;
  }

  arm(): void {
    this.methods.call('on', 'close', this.#onClose);
    this.methods.replace(this.depth);
  }

  /** Nothing has happened to the response since, nor has it been answered. */
  intact(): boolean {
    return (
      this.armed &&
      this.exchange === undefined &&
      this.methods.stand(this.depth) &&
      this.fields.stands(this.res)
    );
  }

  /**
   * From now on the response is as if this layer were not there.
   *
   * @param stand whether nobody has replaced its methods since
   */
  disarm(stand = this.methods.stand(this.depth)): void {
    if (!this.armed) return;
    this.armed = false;
    this.methods.call('removeListener', 'close', this.#onClose);
    if (stand) this.methods.restore();
    this.events.release();
  }

  continueWith(handler: DirectHandler): LocalReply {
    const exchange = this.#begun();
    exchange.start(handler);
    return exchange.reply;
  }

  /** What the handler does to the response. */
  capture(name: CapturedMethod, args: readonly unknown[]): unknown {
    switch (name) {
      case 'on':
      case 'addListener':
      case 'prependListener':
      case 'removeListener':
      case 'off':
        return this.events.capture(name, args);
      case 'writeHead':
        // A protocol switched by hand is no answer.
        if (Number(args[0]) < 200 && Number(args[0]) >= 100 && this.exchange?.head === undefined) {
          this.disarm();
          return this.methods.call(name, ...args);
        }
        return this.#begun().output.writeHead(args);
      default:
        return this.#begun().output[name](...(args as [never, never, never]));
    }
  }

  #begun(): LocalExchange {
    if (this.exchange !== undefined) return this.exchange;
    this.layers.watch();
    return (this.exchange = new LocalExchange(this));
  }

  /** The client is gone, or everything is written. */
  readonly #onClose = (): void => {
    this.#begun().closed();
  };
}
