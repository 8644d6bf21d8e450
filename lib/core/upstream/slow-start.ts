import { clock } from '../clock.ts';
import type { Server } from './server.ts';

/** A server that came back starts with this part of its weight. */
const floor = 0.1;
const steps = 20;
const shortestStep = 20;

/** Lets the share of servers that came back grow linearly from a tenth to all, so that cold caches are not run over. */
export class SlowStart {
  readonly #duration: number;
  readonly #since: Map<Server, number> = new Map();
  #stop: (() => void) | undefined;

  constructor(duration: number) {
    this.#duration = duration;
  }

  begin(server: Server): void {
    if (this.#duration === 0) return;
    server.share = floor;
    this.#since.set(server, clock.monotonic());
    this.#stop ??= clock.every(Math.max(shortestStep, this.#duration / steps), () => this.#grow());
  }

  /** The server has gone again. */
  cancel(server: Server): void {
    if (!this.#since.delete(server)) return;
    server.share = 1;
    this.#rest();
  }

  close(): void {
    this.#since.clear();
    this.#rest();
  }

  #grow(): void {
    const now = clock.monotonic();
    for (const [server, since] of this.#since) {
      server.share = Math.min(1, floor + ((1 - floor) * (now - since)) / this.#duration);
      if (server.share === 1) this.#since.delete(server);
    }
    this.#rest();
  }

  #rest(): void {
    if (this.#since.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}
