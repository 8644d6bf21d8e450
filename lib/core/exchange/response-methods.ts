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
  /** Nobody looks at the head of the answer on its way. */
  readonly native: boolean;

  constructor(res: Response) {
    this.#res = res;
    this.#methods = methodsOf(res as AllMethods);
    const inherited = Object.getPrototypeOf(res) as AllMethods;
    this.native = inherited.writeHead === this.#methods.writeHead;
  }

  has(name: CapturedMethod): boolean {
    return this.#methods[name] !== undefined;
  }

  call(name: CapturedMethod | UsedMethod, ...args: unknown[]): unknown {
    return Reflect.apply(this.#methods[name] as Method, this.#res, args);
  }

  /** Puts those in their place that lead to this layer. */
  replace(depth: number): void {
    put(methodsAt(depth), this.#res as Methods, this.#methods);
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

  /**
   * Puts them back, those of its class as its own, too: to delete fourteen properties costs more than all else that a wrapper
   * does for a request.
   */
  restore(): void {
    put(this.#methods, this.#res as Methods, this.#methods);
  }
}

/** Named one by one, as in `haveSame` and `put`: this is done for every request that a wrapper stands around. */
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

/** Gives a response methods; those that it should not have (`there`) aside. */
function put(methods: Methods, res: Methods, there: Methods): void {
  res.writeHead = methods.writeHead;
  res.write = methods.write;
  res.end = methods.end;
  res.destroy = methods.destroy;
  res.on = methods.on;
  res.addListener = methods.addListener;
  res.prependListener = methods.prependListener;
  res.removeListener = methods.removeListener;
  res.off = methods.off;
  if (there.flushHeaders !== undefined) res.flushHeaders = methods.flushHeaders;
  if (there.addTrailers !== undefined) res.addTrailers = methods.addTrailers;
  if (there.writeProcessing !== undefined) res.writeProcessing = methods.writeProcessing;
  if (there.writeEarlyHints !== undefined) res.writeEarlyHints = methods.writeEarlyHints;
  if (there.writeInformation !== undefined) res.writeInformation = methods.writeInformation;
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
