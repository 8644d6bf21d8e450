import type { Server } from '../server.ts';
import type { Balancer } from './index.ts';
import { candidateAt, drawIndex, loadWithOneMore, outdone, totalWeight } from './weighted.ts';

/**
 * Draws two servers by weight and takes the first, unless the second is less busy (Mitzenmacher,
 * "The Power of Two Choices in Randomized Load Balancing"). Many proxies that see the same
 * servers do not run after the same idle one, and a server whose requests pile up gets no more.
 */
export class PowerOfTwo implements Balancer {
  pick(candidates: readonly Server[]): Server {
    if (candidates.length === 1) return candidateAt(candidates, 0);
    const total = totalWeight(candidates);
    const index = drawIndex(candidates, total);
    const one = candidateAt(candidates, index);
    const other = candidateAt(
      candidates,
      drawIndex(candidates, total - one.effectiveWeight, index),
    );
    return outdone(one, loadWithOneMore(other)) ? other : one;
  }
}
