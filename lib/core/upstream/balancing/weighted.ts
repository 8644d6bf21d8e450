import { clock } from '../../clock.ts';
import type { Server } from '../server.ts';

/** @throws {RangeError} when there is none: balancers are asked with at least one */
export function candidateAt(candidates: readonly Server[], index: number): Server {
  const server = candidates[index];
  if (server === undefined) throw new RangeError('a balancer was asked without candidates');
  return server;
}

/** How busy one more request would make a server for what it can carry. */
export function loadWithOneMore(server: Server): number {
  return (server.inflight + 1) / server.effectiveWeight;
}

/**
 * Whether a server is so busy that another, with one request more, would still be no busier. Among
 * equal weights that means: it has more requests in flight. Among unequal ones a heavy server is
 * not passed over for its first few requests, so light traffic is shared by weight, too.
 */
export function outdone(server: Server, lowestLoadWithOneMore: number): boolean {
  return server.inflight / server.effectiveWeight >= lowestLoadWithOneMore;
}

/** The index of a candidate by chance, as often as its part of the weights; `except` is left out. */
export function drawIndex(candidates: readonly Server[], total: number, except = -1): number {
  let rest = clock.random() * total;
  let last = 0;
  for (let index = 0; index < candidates.length; index++) {
    if (index === except) continue;
    last = index;
    rest -= candidates[index]?.effectiveWeight ?? 0;
    if (rest < 0) return index;
  }
  // Rounding has eaten the difference, or all the weights are zero.
  return last;
}

export function totalWeight(candidates: readonly Server[]): number {
  let total = 0;
  for (const server of candidates) total += server.effectiveWeight;
  return total;
}
