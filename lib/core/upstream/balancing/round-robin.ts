import type { Server } from '../server.ts';
import type { Balancer } from './index.ts';
import { candidateAt } from './weighted.ts';

/**
 * In turn, by weight, and smoothly (nginx): with weights 5, 1, 1 the turns are a a b a c a a, never five
 * in a row. Each turn every server earns its weight; the richest is taken and pays for all.
 */
export class RoundRobin implements Balancer {
  /** Servers that left the pool go with their credit. */
  readonly #credits = new WeakMap<Server, { amount: number }>();

  pick(candidates: readonly Server[]): Server {
    let richest = candidateAt(candidates, 0);
    if (candidates.length === 1) return richest;
    let most = { amount: -Infinity };
    let total = 0;
    for (const server of candidates) {
      const credit = this.#credit(server);
      const weight = server.effectiveWeight;
      total += weight;
      credit.amount += weight;
      if (credit.amount <= most.amount) continue;
      most = credit;
      richest = server;
    }
    most.amount -= total;
    return richest;
  }

  #credit(server: Server): { amount: number } {
    let credit = this.#credits.get(server);
    if (credit === undefined) this.#credits.set(server, (credit = { amount: 0 }));
    return credit;
  }
}
