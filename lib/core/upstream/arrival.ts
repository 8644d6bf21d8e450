import { clock } from '../clock.ts';

/** The first answer of a discovery, and the requests that wait for it. */
export class Arrival {
  readonly #waiters: Set<() => void> = new Set();
  #expected: Promise<void> | undefined;

  get pending(): boolean {
    return this.#expected !== undefined;
  }

  /** Pending until this settles, well or not. */
  expect(arrival: Promise<void>): void {
    const settle = (): void => {
      if (this.#expected !== arrival) return;
      this.#expected = undefined;
      for (const done of [...this.#waiters]) done();
    };
    this.#expected = arrival;
    arrival.then(settle, settle);
  }

  /** Resolves when it has come or failed, or after so many milliseconds. */
  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiters.delete(done);
        stopTimer();
        resolve();
      };
      const stopTimer = clock.after(milliseconds, done);
      this.#waiters.add(done);
    });
  }
}
