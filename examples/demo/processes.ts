/** The demo servers, each in a process of its own so that it can be killed. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** How long a server that was killed stays away. */
const absence = 10_000;

export class DemoServer {
  readonly name: string;
  url = '';
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(name: string) {
    this.name = name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the process; on its old port when it had one. */
  async start(): Promise<void> {
    const port = this.url === '' ? '0' : new URL(this.url).port;
    const child = fork(new URL('child.ts', import.meta.url), [this.name, port]);
    this.#child = child;
    child.once('exit', () => {
      this.#child = undefined;
      if (this.#stopping || this.url === '') return;
      console.log(`${this.name} is gone; it comes back in ${absence / 1000} seconds`);
      this.#restart = setTimeout(() => {
        void this.start().then(() => {
          console.log(`${this.name} is back: process ${this.pid ?? ''}`);
        });
      }, absence);
    });
    const [url] = (await once(child, 'message')) as [string];
    this.url = url;
  }

  /** Ends the process and waits until it has. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}
