import type { Request } from 'express';
import { serverKey, type Server } from '../server.ts';
import type { Balancer } from './index.ts';
import { hashText, unitHash } from './hash.ts';
import { keyOf } from './key.ts';
import { candidateAt } from './weighted.ts';

/**
 * Weighted rendezvous hashing: every server draws a number from the key, scaled by its weight, and
 * the highest has it. When a server leaves only its own keys move, and when its weight changes
 * only as many as the change is worth; nothing is stored per key.
 */
export class Rendezvous implements Balancer {
  readonly #key: (req: Request) => string;
  readonly #seeds = new WeakMap<Server, number>();

  constructor(key: (req: Request) => string) {
    this.#key = key;
  }

  pick(candidates: readonly Server[], req: Request): Server {
    let highest = candidateAt(candidates, 0);
    if (candidates.length === 1) return highest;
    const key = hashText(keyOf(this.#key, req));
    let most = -1;
    for (const server of candidates) {
      const score = -server.effectiveWeight / Math.log(unitHash(key, this.#seed(server)));
      if (score <= most) continue;
      most = score;
      highest = server;
    }
    return highest;
  }

  /** Not by name: two servers may share host and port and differ in the path only. */
  #seed(server: Server): number {
    let seed = this.#seeds.get(server);
    if (seed === undefined) this.#seeds.set(server, (seed = hashText(serverKey(server))));
    return seed;
  }
}
