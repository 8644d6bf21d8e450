import { Session } from 'node:inspector';

interface RemoteObject {
  readonly objectId?: string;
  readonly value?: unknown;
  readonly description?: string;
}
interface Property {
  readonly name: string;
  readonly value?: RemoteObject;
}
interface Properties {
  readonly result: readonly Property[];
  readonly internalProperties?: readonly Property[];
}

/** Where V8 puts what it is asked for; known to nobody else. */
const handover = Symbol('sekisho.audit');

/**
 * Reads variables that a function closes over, without calling it: some middleware keep there, and nowhere else, what
 * an audit has to know (the app behind Express' `mounted_app`, a session's `saveUninitialized`). V8 tells its inspector, within
 * this process and at once.
 */
export class ClosureReader {
  readonly #session: Session = new Session();

  constructor() {
    this.#session.connect();
  }

  /** @returns undefined when there is no such variable, or V8 has optimised it away */
  read(fn: object, variable: string): { readonly value: unknown } | undefined {
    for (const scope of this.#scopesOf(fn)) {
      const found = this.#properties(scope)?.result.find(({ name }) => name === variable)?.value;
      if (found === undefined) continue;
      return found.objectId === undefined
        ? { value: found.value }
        : { value: this.#take(found.objectId) };
    }
    return undefined;
  }

  /**
   * All objects of a class of the function's own module, among them the `this` of an arrow function, which V8 does not
   * tell. It looks through the heap for them, with full collections: not to be asked often.
   */
  instancesBeside(fn: object, className: string): readonly object[] {
    for (const scope of this.#scopesOf(fn, /^Module/)) {
      const prototypeObjectId = this.#idOf(this.#idOf(scope, className), 'prototype');
      if (prototypeObjectId === undefined) continue;
      const id = this.#ask<{ objects: RemoteObject }>('Runtime.queryObjects', { prototypeObjectId })
        ?.objects.objectId;
      if (id !== undefined) return this.#take(id) as object[];
    }
    return [];
  }

  close(): void {
    this.#session.disconnect();
  }

  #idOf(objectId: string | undefined, property: string): string | undefined {
    if (objectId === undefined) return undefined;
    return this.#properties(objectId)?.result.find(({ name }) => name === property)?.value
      ?.objectId;
  }

  #scopesOf(fn: object, kind = /^(?:Block|Closure)/): readonly string[] {
    const id = this.#give(fn);
    if (id === undefined) return [];
    const scopes = this.#properties(id)?.internalProperties?.find(
      ({ name }) => name === '[[Scopes]]',
    )?.value?.objectId;
    if (scopes === undefined) return [];
    return (this.#properties(scopes)?.result ?? []).flatMap(({ value }) =>
      value?.objectId !== undefined && kind.test(value.description ?? '') ? [value.objectId] : [],
    );
  }

  /** V8's name for an object of ours. */
  #give(object: object): string | undefined {
    return this.#shared(object, () => {
      const answer = this.#ask<{ result: RemoteObject }>('Runtime.evaluate', {
        expression: `globalThis[Object.getOwnPropertySymbols(globalThis).find((key) => key.description === 'sekisho.audit')].object`,
      });
      return answer?.result.objectId;
    });
  }

  /** The object of a name of V8's. */
  #take(objectId: string): unknown {
    const holder: { object?: unknown } = {};
    return this.#shared(holder, () => {
      this.#ask('Runtime.callFunctionOn', {
        objectId,
        functionDeclaration: `function () {
          const key = Object.getOwnPropertySymbols(globalThis).find((one) => one.description === 'sekisho.audit');
          globalThis[key].object.object = this;
        }`,
      });
      return holder.object;
    });
  }

  #shared<Result>(object: object, use: () => Result): Result {
    const global = globalThis as unknown as Record<symbol, unknown>;
    Object.defineProperty(global, handover, { value: { object }, configurable: true });
    try {
      return use();
    } finally {
      Reflect.deleteProperty(global, handover);
    }
  }

  #properties(objectId: string): Properties | undefined {
    return this.#ask<Properties>('Runtime.getProperties', { objectId, ownProperties: true });
  }

  /** Within one thread the answer is there when `post` returns. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what V8 answers is what it was asked for
  #ask<Result>(method: string, parameters: object): Result | undefined {
    let answer: Result | undefined;
    this.#session.post(method, parameters, (error, result) => {
      if (error === null) answer = result as Result;
    });
    return answer;
  }
}
