import { clock } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';

/** A function of the caller's that says nothing for so long (milliseconds) has failed. */
const longestWait = 30_000;

/** Tells a value from the promise of one: what need not wait does not. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** What a caller's function returns may be anybody's promise. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

/** Rejects when the caller's function has not decided in half a minute: a request must not hang for ever. */
export function withinTime<T>(decision: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(longestWait, () => {
      const detail = `${what} has not decided within ${longestWait / 1000} s`;
      reject(new ProxyError('ERR_SEKISHO_AUTH_UNAVAILABLE', { detail }));
    });
    void decision.then(resolve, reject).finally(cancel);
  });
}
