import { isPromise } from './decision.ts';

/**
 * One after the other for the same key, so that a hundred guesses sent at once are not a hundred guesses judged before
 * the first one counts. What needs no waiting is done at once.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #most: number;
  #waiting = 0;

  /** @param most so many may wait, over all keys */
  constructor(most: number) {
    this.#most = most;
  }

  /** @param full what to return when too many wait already */
  take<T>(key: string, run: () => T | Promise<T>, full: () => T): T | Promise<T> {
    const before = this.#last.get(key);
    if (before === undefined) {
      const result = run();
      return isPromise(result) ? this.#follow(key, result) : result;
    }
    if (this.#waiting >= this.#most) return full();
    this.#waiting++;
    return this.#follow(
      key,
      before.then(() => {
        this.#waiting--;
        return run();
      }),
    );
  }

  #follow<T>(key: string, result: Promise<T>): Promise<T> {
    const done = (): void => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    };
    const settled: Promise<void> = result.then(done, done);
    this.#last.set(key, settled);
    return result;
  }
}
