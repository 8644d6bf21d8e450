import { warn } from '../core/warn.ts';
import type { CacheRecord } from './entry.ts';
import type { CacheStore, Epoch } from './store.ts';

/**
 * A store as requests use it: when it throws, or rejects, nothing is found and nothing is kept, and the request goes to
 * the origin. What it gives at once stays without a promise.
 */
export class GuardedStore {
  readonly #store: CacheStore;

  constructor(store: CacheStore) {
    this.#store = store;
  }

  /** Several processes may share it. */
  get shared(): boolean {
    return this.#store.lock !== undefined;
  }

  get(key: string): CacheRecord | undefined | Promise<CacheRecord | undefined> {
    return guarded('get', undefined, () => this.#store.get(key));
  }

  /** Undefined when the store can't say: then nothing is to be kept. */
  epoch(key: string): Epoch | undefined | Promise<Epoch | undefined> {
    return guarded<Epoch | undefined>('epoch', undefined, () => this.#store.epoch(key));
  }

  set(key: string, record: CacheRecord, expires: number, epoch?: Epoch): void | Promise<void> {
    const kept = guarded('set', undefined, () => this.#store.set(key, record, expires, epoch));
    // A store may give back anything.
    return kept instanceof Promise ? kept : undefined;
  }

  async delete(key: string): Promise<void> {
    await guarded('delete', false, () => this.#store.delete(key));
  }

  /** When the store fails everybody gets it. */
  async lock(key: string, milliseconds: number): Promise<(() => void) | undefined> {
    const free = (): void => undefined;
    const release = await guarded<(() => void) | undefined>('lock', free, () =>
      this.#store.lock === undefined ? free : this.#store.lock(key, milliseconds),
    );
    return release === undefined
      ? undefined
      : () => {
          void guarded('lock', undefined, release);
        };
  }
}

function guarded<Value>(
  method: string,
  otherwise: Value,
  call: () => Value | Promise<Value>,
): Value | Promise<Value> {
  try {
    const value = call();
    return isPromise(value)
      ? Promise.resolve(value).catch((cause: unknown) => failed(method, otherwise, cause))
      : value;
  } catch (cause) {
    return failed(method, otherwise, cause);
  }
}

function failed<Value>(method: string, otherwise: Value, cause: unknown): Value {
  warn(
    'SEKISHO_CACHE_STORE',
    `the store of a cache() failed at ${method}(); requests go to the origin`,
    cause,
  );
  return otherwise;
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}
