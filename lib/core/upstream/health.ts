import { clock } from '../clock.ts';
import { reachable } from './candidates.ts';
import type { ParsedHealthCheck } from './health-options.ts';
import { probe } from './probe.ts';
import type { Server } from './server.ts';

export interface HealthHost {
  /** Called after each check; `begun` is monotonic. The state of the server is up to date already. */
  checked(
    server: Server,
    finding: { well: boolean; changed: boolean; begun: number; reason: string },
  ): void;
}

interface Watch {
  /** Checks in a row that contradict the server's state. */
  contradictions: number;
  stopProbe: (() => void) | undefined;
  stopTimer: (() => void) | undefined;
}

/**
 * Active health checks. A server is `unknown` until its first check, which decides alone; then it takes
 * `fall` bad ones in a row to take it out and `rise` good ones to bring it back, or a single one while no
 * other can be reached. Servers that are down are asked on.
 */
export class HealthMonitor {
  readonly #check: ParsedHealthCheck;
  readonly #host: HealthHost;
  readonly #watches: Map<Server, Watch> = new Map();

  constructor(check: ParsedHealthCheck, host: HealthHost) {
    this.#check = check;
    this.#host = host;
  }

  watch(server: Server): void {
    const watch: Watch = { contradictions: 0, stopProbe: undefined, stopTimer: undefined };
    this.#watches.set(server, watch);
    this.#ask(server, watch);
  }

  unwatch(server: Server): void {
    const watch = this.#watches.get(server);
    this.#watches.delete(server);
    watch?.stopTimer?.();
    watch?.stopProbe?.();
  }

  close(): void {
    for (const server of [...this.#watches.keys()]) this.unwatch(server);
  }

  #ask(server: Server, watch: Watch): void {
    const begun = clock.monotonic();
    watch.stopProbe = probe(server, this.#check, (problem) => {
      if (this.#watches.get(server) !== watch) return;
      // Shifted by chance: many proxies and many servers do not beat in time.
      const pause = this.#check.interval * (0.9 + 0.2 * clock.random());
      watch.stopTimer = clock.after(pause, () => this.#ask(server, watch));
      this.#conclude(server, watch, problem, begun);
    });
  }

  #conclude(server: Server, watch: Watch, problem: string | undefined, begun: number): void {
    const well = problem === undefined;
    const state = well ? 'up' : 'down';
    const needed = well ? this.#rise(server) : server.health === 'unknown' ? 1 : this.#check.fall;
    watch.contradictions = server.health === state ? 0 : watch.contradictions + 1;
    const changed = server.health !== state && watch.contradictions >= needed;
    if (changed) {
      server.health = state;
      watch.contradictions = 0;
    }
    this.#host.checked(server, { well, changed, begun, reason: problem ?? 'the check passed' });
  }

  /** Where no server is left, one good check is better than the certain failure of every request. */
  #rise(server: Server): number {
    const alternatives = [...this.#watches.keys()].some(reachable);
    return server.health === 'unknown' || !alternatives ? 1 : this.#check.rise;
  }
}
