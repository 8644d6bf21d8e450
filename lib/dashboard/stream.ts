import type { Server } from 'node:net';
import type { Request, Response } from 'express';
import { clock } from '../core/clock.ts';
import type { Collector, Seen, View } from './collector.ts';

/** Pages that may look at the same time. */
export const mostClients = 20;
/** Bytes that wait for a client; who lets more pile up is dropped, and comes back for a fresh start. */
const mostWaiting = 1024 * 1024;
/** A stream ends after this many milliseconds: the page opens the next one, past the gate. */
const lifetime = 10 * 60_000;
/** Milliseconds between two ticks, whether a slice of the traffic is over or not. */
const pace = 1000;
/** Milliseconds a browser waits before it comes back. */
const retry = 2000;

/** What the page is told first, besides the view: what does not change while it is open. */
export type Welcome = (req: Request) => object;

/**
 * Tells every open page what happens, as server-sent events: `snapshot` with everything at first, then `tick` with what
 * is new, every second; that is the heartbeat, too. While nobody looks there is no timer.
 */
export class Stream {
  readonly #collector: Collector;
  readonly #welcome: Welcome;
  /** With the time when each has to end. */
  readonly #clients: Map<Response, number> = new Map();
  #seen: Seen | undefined;
  #stop: (() => void) | undefined;

  constructor(collector: Collector, welcome: Welcome) {
    this.#collector = collector;
    this.#welcome = welcome;
  }

  /** @returns false when too many look already */
  open(req: Request, res: Response): boolean {
    if (this.#clients.size >= mostClients) return false;
    const { view, seen } = this.#collector.look();
    const first = eventOf('snapshot', { ...this.#welcome(req), ...view });
    res.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      // Neither stored nor compressed: compression would hold events back.
      'Cache-Control': 'no-store, no-transform',
      // nginx in front does not wait for more either.
      'X-Accel-Buffering': 'no',
    });
    res.write(`retry: ${retry}\n\n${first}`);
    this.#clients.set(res, clock.monotonic() + lifetime);
    res.on('error', () => undefined);
    res.once('close', () => {
      this.#clients.delete(res);
      if (this.#clients.size === 0) this.#rest();
    });
    this.#seen ??= seen;
    this.#stop ??= clock.every(pace, () => {
      this.#tick();
    });
    return true;
  }

  close(): void {
    for (const res of this.#clients.keys()) res.end();
    this.#clients.clear();
    this.#rest();
  }

  #tick(): void {
    const { view, seen } = this.#collector.look(this.#seen);
    this.#seen = seen;
    const event = eventOf('tick', view);
    const now = clock.monotonic();
    for (const [res, until] of this.#clients)
      if (res.writableLength > mostWaiting) res.destroy();
      else if (now >= until || isClosing(res)) res.end();
      else res.write(event);
  }

  #rest(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#seen = undefined;
  }
}

function eventOf(name: string, data: View): string {
  // JSON has no line breaks of its own.
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A server that drains waits for its answers, and this one would never end. Node names the server on its sockets. */
function isClosing({ req }: Response): boolean {
  return (req.socket as { server?: Server }).server?.listening === false;
}
