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

export type CapturedMethod = (typeof captured)[number];
/** What a layer uses beyond that; who has replaced one of these stands inside of it, too. */
type UsedMethod = 'setHeader' | 'appendHeader' | 'removeHeader';
export type Method = (...args: unknown[]) => unknown;
/** Not every Node and every protocol has all of them. */
type Methods = Partial<Record<CapturedMethod, Method | undefined>>;
type AllMethods = Methods & Partial<Record<UsedMethod, Method | undefined>>;

/** The methods of a response, as they were at some time. */
export class ResponseMethods {
  readonly #res: Response;
  readonly #methods: AllMethods;
  /** Those that were the response's own, and not of its class. */
  readonly #own: ReadonlySet<string>;

  constructor(res: Response) {
    this.#res = res;
    this.#methods = methodsOf(res as AllMethods);
    const inherited = Object.getPrototypeOf(res) as AllMethods;
    this.#own = haveSame(inherited, this.#methods)
      ? none
      : new Set(captured.filter((name) => Object.hasOwn(res, name)));
  }

  /** Nobody looks at the head of the answer on its way. */
  get native(): boolean {
    return !this.#own.has('writeHead');
  }

  has(name: CapturedMethod): boolean {
    return this.#methods[name] !== undefined;
  }

  call(name: CapturedMethod | UsedMethod, ...args: unknown[]): unknown {
    return Reflect.apply(this.#methods[name] as Method, this.#res, args);
  }

  /** Puts those in their place that lead to this layer. */
  replace(depth: number): void {
    const layerMethods = methodsAt(depth);
    const res = this.#res as Methods;
    for (const name of captured) if (this.has(name)) res[name] = layerMethods[name];
  }

  /** Nobody has replaced any since. */
  stand(depth: number): boolean {
    const res = this.#res as AllMethods;
    const before = this.#methods;
    return (
      res.setHeader === before.setHeader &&
      res.appendHeader === before.appendHeader &&
      res.removeHeader === before.removeHeader &&
      haveSame(res, methodsAt(depth), before)
    );
  }

  /** Puts them back. Last one first, so that the response is again as the engine knows it. */
  restore(): void {
    const res = this.#res as unknown as Record<string, unknown>;
    for (let at = captured.length - 1; at >= 0; at--) {
      const name = captured[at] as CapturedMethod;
      if (this.#own.has(name)) res[name] = this.#methods[name];
      else Reflect.deleteProperty(res, name);
    }
  }
}

const none: ReadonlySet<string> = new Set();

/** Named one by one, as in `haveSame`: this is done for every request that a wrapper stands around. */
function methodsOf(res: AllMethods): AllMethods {
  return {
    writeHead: res.writeHead,
    write: res.write,
    end: res.end,
    flushHeaders: res.flushHeaders,
    addTrailers: res.addTrailers,
    writeProcessing: res.writeProcessing,
    writeEarlyHints: res.writeEarlyHints,
    writeInformation: res.writeInformation,
    destroy: res.destroy,
    on: res.on,
    addListener: res.addListener,
    prependListener: res.prependListener,
    removeListener: res.removeListener,
    off: res.off,
    setHeader: res.setHeader,
    appendHeader: res.appendHeader,
    removeHeader: res.removeHeader,
  };
}

/** Whether one has the methods of the other; those that it should not have (`there`) aside. */
function haveSame(one: Methods, other: Methods, there: Methods = other): boolean {
  return (
    one.writeHead === other.writeHead &&
    one.write === other.write &&
    one.end === other.end &&
    one.destroy === other.destroy &&
    one.on === other.on &&
    one.addListener === other.addListener &&
    one.prependListener === other.prependListener &&
    one.removeListener === other.removeListener &&
    one.off === other.off &&
    (there.flushHeaders === undefined || one.flushHeaders === other.flushHeaders) &&
    (there.addTrailers === undefined || one.addTrailers === other.addTrailers) &&
    (there.writeProcessing === undefined || one.writeProcessing === other.writeProcessing) &&
    (there.writeEarlyHints === undefined || one.writeEarlyHints === other.writeEarlyHints) &&
    (there.writeInformation === undefined || one.writeInformation === other.writeInformation)
  );
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
