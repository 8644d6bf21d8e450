import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { Server } from './server.ts';

/** Tells that the client has gone: the response, or anything else that emits `close`. */
export interface Cancel {
  readonly destroyed?: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

interface Waiter {
  /** Takes a server when there is one for it now. */
  readonly take: () => Server | undefined;
  readonly settle: (outcome: Server | ProxyError) => void;
}

/** Requests that wait for a place, first come, first served, and not for ever. */
export class WaitingLine {
  readonly #limit: number;
  readonly #timeout: number;
  readonly #waiters: Set<Waiter> = new Set();

  constructor(limit: number, timeout: number) {
    this.#limit = limit;
    this.#timeout = timeout;
  }

  get length(): number {
    return this.#waiters.size;
  }

  /** @throws {ProxyError} ERR_SEKISHO_QUEUE_FULL at once; the promise fails when time is up or the client has gone */
  wait(
    take: () => Server | undefined,
    cancel: Cancel | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Server> {
    if (cancel?.destroyed === true) throw new ProxyError('ERR_SEKISHO_CLIENT_ABORTED');
    if (this.#waiters.size >= this.#limit)
      throw new ProxyError('ERR_SEKISHO_QUEUE_FULL', {
        headers,
        detail: `${this.#waiters.size} requests wait already`,
      });

    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        take,
        settle: (outcome) => {
          this.#waiters.delete(waiter);
          stopTimer();
          cancel?.off('close', onGone);
          if (outcome instanceof ProxyError) reject(outcome);
          else resolve(outcome);
        },
      };
      const onGone = (): void => waiter.settle(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED'));
      const stopTimer = clock.after(this.#timeout, () =>
        waiter.settle(
          new ProxyError('ERR_SEKISHO_QUEUE_TIMEOUT', {
            headers,
            detail: `no place within ${this.#timeout} ms`,
          }),
        ),
      );
      cancel?.once('close', onGone);
      this.#waiters.add(waiter);
    });
  }

  /** Gives away what places there are. */
  wake(): void {
    for (const waiter of this.#waiters) {
      let outcome: Server | ProxyError | undefined;
      try {
        outcome = waiter.take();
      } catch (error) {
        outcome = error as ProxyError;
      }
      // Usually nobody gets what the first does not get; one that waits for its sticky server is the exception.
      if (outcome !== undefined) waiter.settle(outcome);
    }
  }

  /** Sends everybody away. */
  clear(error: ProxyError): void {
    for (const waiter of [...this.#waiters]) waiter.settle(error);
  }
}
