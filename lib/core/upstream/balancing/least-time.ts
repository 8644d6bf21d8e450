import { clock } from '../../clock.ts';
import type { Server } from '../server.ts';
import type { Balancer } from './index.ts';
import { candidateAt } from './weighted.ts';

/** After this many milliseconds without a request a measured latency counts for 1/e of itself. */
const forgetting = 10_000;
/** Below this age a latency is as good as new. */
const fresh = 1_000;

/**
 * The server that would answer soonest: latency × (requests in flight + 1) / weight, as nginx'
 * `least_time` and the peak EWMA of Finagle. A latency fades while its server is not asked: one
 * that was slow is tried again now and then, with a single request.
 */
export class LeastTime implements Balancer {
  readonly #asked = new WeakMap<Server, number>();

  pick(candidates: readonly Server[]): Server {
    const now = clock.monotonic();
    const count = candidates.length;
    let best = candidateAt(candidates, 0);
    if (count > 1) {
      const unmeasured = slowest(candidates);
      // A start by chance, so that equals do not all go to the first.
      const start = Math.floor(clock.random() * count);
      let least = Infinity;
      for (let step = 0; step < count; step++) {
        const server = candidateAt(candidates, (start + step) % count);
        const cost =
          (this.#latency(server, unmeasured, now) * (server.inflight + 1)) / server.effectiveWeight;
        if (cost >= least) continue;
        least = cost;
        best = server;
      }
    }
    this.#asked.set(best, now);
    return best;
  }

  #latency(server: Server, unmeasured: number, now: number): number {
    // Its first request finds out what it is like; until then it counts as the slowest known.
    if (server.latency === undefined) return server.inflight === 0 ? 0 : unmeasured;
    const age = now - (this.#asked.get(server) ?? -Infinity);
    return age < fresh ? server.latency : server.latency * Math.exp(-age / forgetting);
  }
}

function slowest(candidates: readonly Server[]): number {
  let latency = 0;
  for (const server of candidates)
    if (server.latency !== undefined && server.latency > latency) latency = server.latency;
  return latency || 1;
}
