import type { Server } from '../server.ts';
import type { Balancer } from './index.ts';
import { candidateAt } from './weighted.ts';

/**
 * The first server, in the order of definition, that has a free place (HAProxy's `first`): the
 * rest may sleep. Makes sense with `maxConnections`.
 */
export class First implements Balancer {
  pick(candidates: readonly Server[]): Server {
    for (const server of candidates) if (!server.full) return server;
    return candidateAt(candidates, 0);
  }
}
