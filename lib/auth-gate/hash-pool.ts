import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { clock } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import type { HashAnswer, HashTask } from './hash-worker.ts';

interface Waiting {
  readonly task: HashTask;
  readonly resolve: (right: boolean) => void;
  readonly reject: (error: ProxyError) => void;
}

interface Thread {
  readonly worker: Worker;
  current: Waiting | undefined;
  stopIdling: (() => void) | undefined;
}

/** Verifications that wait for a thread; more are refused at once. */
const longestQueue = 200;
/** A thread without work for so long (milliseconds) ends. */
const idle = 30_000;
/** One thread is left to those who serve requests. */
const mostThreads = Math.min(4, Math.max(1, availableParallelism() - 1));
/** tsc rewrites the extension in imports, not in URLs. */
const script = new URL(`./hash-worker${import.meta.url.slice(-3)}`, import.meta.url);

/**
 * Slow hashes are computed in threads, so that a guessing client costs other requests nothing but its share of the
 * processor. Threads start with the first task and end when there is none for half a minute.
 */
export class HashPool {
  readonly #threads = new Set<Thread>();
  readonly #queue: Waiting[] = [];
  #closed = false;

  /** Rejects with `ERR_SEKISHO_AUTH_UNAVAILABLE` when too many wait, or a thread fails. */
  verify(task: HashTask): Promise<boolean> {
    if (this.#closed) return Promise.reject(unavailable('the gate was closed'));
    if (this.#queue.length >= longestQueue)
      return Promise.reject(
        unavailable('too many passwords wait to be verified', undefined, { 'Retry-After': '1' }),
      );
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, resolve, reject });
      this.#work();
    });
  }

  close(): void {
    this.#closed = true;
    for (const thread of this.#threads) this.#end(thread, unavailable('the gate was closed'));
    this.#refuseAll(unavailable('the gate was closed'));
  }

  #refuseAll(error: ProxyError): void {
    for (const { reject } of this.#queue.splice(0)) reject(error);
  }

  #work(): void {
    while (this.#queue.length > 0) {
      let thread: Thread | undefined;
      try {
        thread = this.#free();
      } catch (error) {
        // Node was told not to allow threads (`--permission`), or there is no memory for one.
        this.#refuseAll(unavailable('no thread can be started', error));
        return;
      }
      if (thread === undefined) return;
      const next = this.#queue.shift() as Waiting;
      thread.stopIdling?.();
      thread.stopIdling = undefined;
      thread.current = next;
      thread.worker.postMessage(next.task);
    }
  }

  #free(): Thread | undefined {
    for (const thread of this.#threads) if (thread.current === undefined) return thread;
    return this.#threads.size < mostThreads ? this.#start() : undefined;
  }

  #start(): Thread {
    // Neither the process' flags (loaders, inspectors) nor its environment are a verifier's business.
    const worker = new Worker(script, { execArgv: [], env: {} });
    const thread: Thread = { worker, current: undefined, stopIdling: undefined };
    this.#threads.add(thread);
    worker.unref();
    worker.on('message', (answer: HashAnswer) => {
      const done = thread.current;
      thread.current = undefined;
      if ('right' in answer) done?.resolve(answer.right);
      else done?.reject(unavailable(`the hash could not be verified: ${answer.error}`));
      this.#work();
      // Read anew: #work() may have given it the next one.
      if ((thread.current as Waiting | undefined) === undefined)
        thread.stopIdling = clock.after(idle, () => this.#end(thread));
    });
    worker.on('error', (error) => this.#end(thread, unavailable('a thread failed', error)));
    worker.on('exit', () => this.#end(thread, unavailable('a thread ended')));
    return thread;
  }

  #end(thread: Thread, error?: ProxyError): void {
    if (!this.#threads.delete(thread)) return;
    thread.stopIdling?.();
    if (error !== undefined) thread.current?.reject(error);
    thread.current = undefined;
    void thread.worker.terminate();
    // Those behind it in the queue get another thread.
    if (!this.#closed) this.#work();
  }
}

function unavailable(
  detail: string,
  cause?: unknown,
  headers?: Readonly<Record<string, string>>,
): ProxyError {
  return new ProxyError('ERR_SEKISHO_AUTH_UNAVAILABLE', {
    detail,
    ...(cause !== undefined && { cause }),
    ...(headers !== undefined && { headers }),
  });
}
