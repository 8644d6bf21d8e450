import type { Request } from 'express';
import type { Server } from '../server.ts';

/**
 * Chooses one of the candidates. Candidates are usable (healthy, not ejected, not draining, not
 * full) and at least one; the pool has narrowed them before. Strategies keep no reference to them.
 */
export interface Balancer {
  pick(candidates: readonly Server[], req: Request): Server;
}
