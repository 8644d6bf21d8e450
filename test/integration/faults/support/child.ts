/** Child processes that answer questions over node's IPC channel, so that faults on the network do not reach the questions. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { TestContext } from 'node:test';

interface Reply {
  readonly reply: number;
  readonly value: unknown;
}

interface Hello {
  readonly url?: string;
}

export class Child {
  readonly process: ChildProcess;
  /** What the script said of itself when it was ready. */
  readonly hello: Hello;
  /** When it was ready; `performance.now()`. */
  readonly readyAt: number = performance.now();
  #questions = 0;

  private constructor(process: ChildProcess, hello: Hello) {
    this.process = process;
    this.hello = hello;
  }

  /** Starts a script beside this file and waits until it says that it is ready; it does not survive the test. */
  static async start(t: TestContext, script: string, options: unknown): Promise<Child> {
    const process = fork(new URL(script, import.meta.url), [JSON.stringify(options)], {
      execArgv: [
        '--conditions=sekisho-source',
        '--expose-gc',
        // Else memory grows by it (32 MB) some time, and that would be whoever's turn it is to be measured.
        '--min-semi-space-size=16',
        '--disable-warning=ExperimentalWarning',
      ],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    t.after(() => process.kill('SIGKILL'));
    const started = await Promise.race([
      once(process, 'message') as Promise<[Hello]>,
      once(process, 'exit').then(() => undefined),
    ]);
    if (started === undefined) throw new Error(`${script} ended before it was ready`);
    return new Child(process, started[0]);
  }

  get pid(): number {
    return this.process.pid as number;
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async ask<T>(question: Readonly<Record<string, unknown>>): Promise<T> {
    const id = ++this.#questions;
    const answer = new Promise<T>((resolve) => {
      const listener = (message: Reply): void => {
        if (message.reply !== id) return;
        this.process.off('message', listener as never);
        resolve(message.value as T);
      };
      this.process.on('message', listener as never);
    });
    this.process.send({ id, ...question });
    return answer;
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name);
  }

  /** Sends a signal and waits for the end. @returns the exit code */
  async end(name: NodeJS.Signals): Promise<number | null> {
    if (this.running) {
      const ended = once(this.process, 'exit');
      this.process.kill(name);
      await ended;
    }
    return this.process.exitCode;
  }
}
