import { clock } from '../../clock.ts';
import type { Server } from '../server.ts';
import type { Balancer } from './index.ts';
import { candidateAt, loadWithOneMore, outdone } from './weighted.ts';

/**
 * The server with the fewest requests in flight for its weight (nginx' `least_conn`, HAProxy's
 * `leastconn`); chance decides by weight between servers that are equally idle.
 */
export class LeastConnections implements Balancer {
  pick(candidates: readonly Server[]): Server {
    let least = candidateAt(candidates, 0);
    if (candidates.length === 1) return least;
    let lowest = Infinity;
    for (const server of candidates) {
      const load = loadWithOneMore(server);
      if (load >= lowest) continue;
      lowest = load;
      least = server;
    }

    let total = 0;
    for (const server of candidates) if (!outdone(server, lowest)) total += server.effectiveWeight;
    let rest = clock.random() * total;
    for (const server of candidates) {
      if (outdone(server, lowest)) continue;
      rest -= server.effectiveWeight;
      if (rest < 0) return server;
    }
    return least;
  }
}
