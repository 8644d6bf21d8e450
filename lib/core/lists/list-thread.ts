import { Worker } from 'node:worker_threads';
import { clock } from '../clock.ts';
import type { ListAnswer } from './list-worker.ts';
import type { ListTask, LoadedList } from './read-list.ts';

interface Waiting {
  readonly task: ListTask;
  readonly resolve: (list: LoadedList) => void;
  readonly reject: (error: Error) => void;
}

/** Milliseconds for one list: a hundred times what a million entries need. */
const longestLoad = 60_000;
/** tsc rewrites the extension in imports, not in URLs. */
const script = new URL(`./list-worker${import.meta.url.slice(-3)}`, import.meta.url);

/**
 * Reads lists in a thread, one after the other. It starts with the first and ends when none is left to read, so that
 * what it used goes back to the system.
 */
export class ListThread {
  readonly #queue: Waiting[] = [];
  #current: Waiting | undefined;
  #worker: Worker | undefined;
  #cancelLimit: (() => void) | undefined;
  #closed = false;

  /** Rejects with the reason when the list cannot be read. */
  load(task: ListTask): Promise<LoadedList> {
    if (this.#closed) return Promise.reject(new Error('the lists were closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, resolve, reject });
      if (this.#current === undefined) this.#next();
    });
  }

  close(): void {
    this.#closed = true;
    const waiting = this.#queue.splice(0);
    this.#fail(new Error('the lists were closed'));
    for (const { reject } of waiting) reject(new Error('the lists were closed'));
  }

  #next(): void {
    this.#current = this.#queue.shift();
    if (this.#current === undefined) {
      this.#end();
      return;
    }
    try {
      this.#worker ??= this.#start();
      this.#worker.postMessage(this.#current.task);
    } catch (error) {
      // Node was told not to allow threads (`--permission`), or there is no memory for one.
      this.#fail(error as Error);
      return;
    }
    this.#cancelLimit = clock.after(longestLoad, () =>
      this.#fail(new Error(`it could not be read within ${longestLoad / 1000} s`)),
    );
  }

  #start(): Worker {
    // Neither the process' flags (loaders, inspectors) nor its environment are a reader's business.
    const worker = new Worker(script, { execArgv: [], env: {} });
    worker.on('message', (answer: ListAnswer) => {
      if ('list' in answer) this.#done(({ resolve }) => resolve(answer.list));
      else this.#done(({ reject }) => reject(new Error(answer.error)));
    });
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#fail(error);
    });
    worker.on('exit', () => {
      if (worker === this.#worker) this.#fail(new Error('the thread ended'));
    });
    return worker;
  }

  #done(settle: (current: Waiting) => void): void {
    this.#cancelLimit?.();
    const done = this.#current;
    this.#current = undefined;
    if (done !== undefined) settle(done);
    this.#next();
  }

  /** The rest gets another thread. */
  #fail(error: Error): void {
    this.#end();
    this.#done(({ reject }) => reject(error));
  }

  #end(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }
}
