import type { Socket } from 'node:net';

/** How long an idle connection is kept when the server does not say: less than the 5 s of Node's own servers. */
const ordinary = 4000;
const longest = 600_000;

/** How long a connection is kept between exchanges. */
export class KeepAlive {
  /** Milliseconds the server keeps it, as it said (`Keep-Alive: timeout=…`). */
  hint: number | undefined;
  #until = 0;
  #resting = false;

  /** An exchange has ended. */
  begin(now: number): void {
    const { hint } = this;
    // A second before the server would close, so that a request does not meet the FIN on its way.
    const keep = hint === undefined ? ordinary : Math.max(hint - 1000, Math.min(hint / 2, 500));
    this.#until = now + Math.min(keep, longest);
  }

  over(now: number): boolean {
    return now >= this.#until;
  }

  /** An idle connection does not keep a process alive that has nothing else to do. */
  rest(socket: Socket): void {
    if (this.#resting) return;
    this.#resting = true;
    socket.unref();
  }

  wake(socket: Socket): void {
    if (!this.#resting) return;
    this.#resting = false;
    socket.ref();
  }
}
