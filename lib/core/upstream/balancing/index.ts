import type { Request } from 'express';
import { z } from 'zod';
import { func, oneOf } from '../../options.ts';
import type { Server } from '../server.ts';
import { First } from './first.ts';
import { clientAddress } from './key.ts';
import { LeastConnections } from './least-connections.ts';
import { LeastTime } from './least-time.ts';
import { PowerOfTwo } from './power-of-two.ts';
import { Rendezvous } from './rendezvous.ts';
import { RoundRobin } from './round-robin.ts';

/**
 * Chooses one of the candidates. Candidates are usable (healthy, not ejected, not draining, not
 * full) and at least one; the pool has narrowed them before. Strategies keep no reference to them.
 */
export interface Balancer {
  pick(candidates: readonly Server[], req: Request): Server;
}

/** A policy by name, or the function that names what requests of one server have in common. */
export type BalanceOption =
  | 'power-of-two'
  | 'round-robin'
  | 'least-connections'
  | 'least-time'
  | 'first'
  | 'ip-hash'
  | {
      /** Requests with equal keys go to the same server, e.g. `(req) => req.path`. */
      readonly hash: (req: Request) => string;
    };

const policies = [
  'power-of-two',
  'round-robin',
  'least-connections',
  'least-time',
  'first',
  'ip-hash',
] as const;

/** The `balance` option. */
export function balanceField(): z.ZodType<BalanceOption, BalanceOption> {
  return z.union([
    oneOf(policies),
    z.strictObject({ hash: func<(req: Request) => string>() }).readonly(),
  ]);
}

/** The balancer of one pool: it may keep state, so pools share none. */
export function createBalancer(option: BalanceOption): Balancer {
  if (typeof option === 'object') return new Rendezvous(option.hash);
  switch (option) {
    case 'power-of-two':
      return new PowerOfTwo();
    case 'round-robin':
      return new RoundRobin();
    case 'least-connections':
      return new LeastConnections();
    case 'least-time':
      return new LeastTime();
    case 'first':
      return new First();
    case 'ip-hash':
      return new Rendezvous(clientAddress);
  }
}
