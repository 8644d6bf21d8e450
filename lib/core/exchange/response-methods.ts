import type { Response } from 'express';
import { contextOf } from '../context.ts';
import type { Layer } from './layer.ts';
import type { Layers } from './layers.ts';

/** What a layer puts in the place of the response's own methods. */
const captured = [
  'writeHead',
  'write',
  'end',
  'flushHeaders',
  'addTrailers',
  'writeProcessing',
  'writeEarlyHints',
  'writeInformation',
  'destroy',
  'on',
  'addListener',
  'prependListener',
  'removeListener',
  'off',
] as const;

/** What a layer uses beyond that; who has replaced one of these stands inside of it, too. */
const used = ['setHeader', 'appendHeader', 'removeHeader'] as const;

export type CapturedMethod = (typeof captured)[number];
export type Method = (...args: unknown[]) => unknown;
type Methods = Record<CapturedMethod, Method>;

/** The methods of a response, as they were at some time. */
export class ResponseMethods {
  readonly #res: Response;
  readonly #methods: Record<string, Method | undefined> = {};
  readonly #own: boolean[];

  constructor(res: Response) {
    this.#res = res;
    const methods = res as unknown as Record<string, Method | undefined>;
    for (const name of captured) this.#methods[name] = methods[name];
    for (const name of used) this.#methods[name] = methods[name];
    this.#own = captured.map((name) => Object.hasOwn(res, name));
  }

  /** Nobody looks at the head of the answer on its way. */
  get native(): boolean {
    return this.#own[0] === false;
  }

  has(name: CapturedMethod): boolean {
    return this.#methods[name] !== undefined;
  }

  call(name: CapturedMethod | (typeof used)[number], ...args: unknown[]): unknown {
    return Reflect.apply(this.#methods[name] as Method, this.#res, args);
  }

  /** Puts those in their place that lead to this layer. */
  replace(depth: number): void {
    const layerMethods = methodsAt(depth);
    const res = this.#res as unknown as Record<string, unknown>;
    for (const name of captured) if (this.has(name)) res[name] = layerMethods[name];
  }

  /** Nobody has replaced any since. */
  stand(depth: number): boolean {
    const layerMethods = methodsAt(depth);
    const res = this.#res as unknown as Record<string, unknown>;
    return (
      captured.every((name) => !this.has(name) || res[name] === layerMethods[name]) &&
      used.every((name) => res[name] === this.#methods[name])
    );
  }

  /** Puts them back. Last one first, so that the response is again as the engine knows it. */
  restore(): void {
    const res = this.#res as unknown as Record<string, unknown>;
    for (let at = captured.length - 1; at >= 0; at--) {
      const name = captured[at] as CapturedMethod;
      if (this.#own[at] === true) res[name] = this.#methods[name];
      else Reflect.deleteProperty(res, name);
    }
  }
}

/** One set for each depth and not for each response: they find their layer by the request. */
const sets: Methods[] = [];

function methodsAt(depth: number): Methods {
  return (sets[depth] ??= Object.fromEntries(
    captured.map((name) => [name, methodAt(depth, name)]),
  ) as Methods);
}

function methodAt(depth: number, name: CapturedMethod): Method {
  const method = function (this: Response, ...args: unknown[]): unknown {
    const layers = contextOf(this.req).layers as Layers;
    const layer: Layer = layers.layerAt(depth);
    return layers.sees(depth) && layer.armed
      ? layer.capture(name, args)
      : layer.methods.call(name, ...args);
  };
  return Object.defineProperty(method, 'name', { value: name });
}
