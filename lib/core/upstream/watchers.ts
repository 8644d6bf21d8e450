import { publish } from '../events.ts';
import type { AttemptResult } from './attempt.ts';
import { Ejector } from './ejection.ts';
import { HealthMonitor } from './health.ts';
import type { ParsedPoolOptions } from './pool-options.ts';
import type { Server } from './server.ts';
import { SlowStart } from './slow-start.ts';

/** What the watchers need of the pool around them. */
export interface WatchedPool {
  readonly name: string;
  readonly options: ParsedPoolOptions;
  readonly servers: readonly Server[];
  /** Some server is in or out, or gets another share. */
  changed(): void;
}

/** Those who take the servers of a pool out and bring them back: health checks, ejection, slow start. */
export class Watchers {
  readonly #ejector: Ejector | undefined;
  readonly #monitor: HealthMonitor | undefined;
  readonly #slowStart: SlowStart;
  readonly #pool: WatchedPool;

  constructor(pool: WatchedPool) {
    const { ejection, healthCheck, slowStart } = pool.options;
    this.#pool = pool;
    this.#slowStart = new SlowStart(slowStart);
    if (ejection !== undefined)
      this.#ejector = new Ejector(ejection, {
        name: pool.name,
        get servers() {
          return pool.servers;
        },
        ejected: (server) => {
          this.#slowStart.cancel(server);
          pool.changed();
        },
        readmitted: (server) => {
          this.begin(server);
          pool.changed();
        },
      });
    if (healthCheck !== undefined)
      this.#monitor = new HealthMonitor(healthCheck, {
        checked: (server, { well, changed, begun, reason }) => {
          if (well) this.#ejector?.vouch(server, begun);
          if (changed) this.#changed(server, well, reason);
        },
      });
  }

  watch(server: Server): void {
    this.#monitor?.watch(server);
  }

  /** The server has left the pool. */
  forget(server: Server): void {
    this.#monitor?.unwatch(server);
    this.#ejector?.forget(server);
    this.#slowStart.cancel(server);
  }

  observe(server: Server, result: AttemptResult, now: number): void {
    this.#ejector?.observe(server, result, now);
  }

  /** The server is new, or back: it gets its share little by little. */
  begin(server: Server): void {
    this.#slowStart.begin(server);
  }

  close(): void {
    this.#monitor?.close();
    this.#slowStart.close();
    for (const server of this.#pool.servers) this.#ejector?.forget(server);
  }

  #changed(server: Server, well: boolean, reason: string): void {
    if (well) this.begin(server);
    publish('sekisho:health', {
      upstream: this.#pool.name,
      server: server.name,
      state: well ? 'up' : 'down',
      reason,
    });
    this.#pool.changed();
  }
}
