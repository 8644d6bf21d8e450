/** Servers to choose from, a request, and chance that repeats itself, for the tests of the balancers. */
import type { TestContext } from 'node:test';
import type { Request } from 'express';
import { useClock, type Clock } from '../../../../lib/core/clock.ts';
import type { Balancer } from '../../../../lib/core/upstream/balancing/index.ts';
import { Server, type Transport } from '../../../../lib/core/upstream/server.ts';

export type ServerState = Partial<
  Pick<Server, 'weight' | 'inflight' | 'latency' | 'share' | 'maxConnections'>
>;

/** A policy opens no connection. */
const transport: Transport = {
  dispatch: () => false,
  close: () => Promise.resolve(),
  destroy: () => undefined,
};

export function candidate(url: string, state: ServerState = {}): Server {
  const definition = { url: new URL(url), weight: 1, backup: false, maxConnections: Infinity };
  return Object.assign(new Server(definition, transport), state);
}

/** One server per state: `http://server-0:80` and so on. */
export function candidates(...states: ServerState[]): Server[] {
  return states.map((state, index) => candidate(`http://server-${index}/`, state));
}

/** Policies that look at the servers only never touch it. */
export const anyRequest: Request = requestOf({});

/** As much of a request as a pure function reads. */
export function requestOf(fields: object): Request {
  return fields as Request;
}

/** The same chance on every run (mulberry32), and if wanted another time. */
export function seedChance(t: TestContext, clock: Partial<Clock> = {}): void {
  let state = 20_261_123;
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  t.after(useClock({ random, ...clock }));
}

/** The part of the picks that each server got. */
export function shares(balancer: Balancer, servers: readonly Server[], picks: number): number[] {
  const counts = new Map<Server, number>();
  for (let pick = 0; pick < picks; pick++) {
    const server = balancer.pick(servers, anyRequest);
    counts.set(server, (counts.get(server) ?? 0) + 1);
  }
  return servers.map((server) => (counts.get(server) ?? 0) / picks);
}

/** Keeps so many requests in flight, each as long as its server's entry in `durations`, and counts who got them. */
export function simulate(
  balancer: Balancer,
  servers: readonly Server[],
  { durations, concurrency, requests }: Simulation,
): number[] {
  const counts = servers.map(() => 0);
  const open: { server: Server; ends: number }[] = [];
  let now = 0;
  for (let request = 0; request < requests; request++) {
    while (open.length >= concurrency) {
      open.sort((a, b) => a.ends - b.ends);
      const done = open.shift()!;
      const duration = durations[servers.indexOf(done.server)]!;
      now = done.ends;
      done.server.inflight--;
      done.server.latency = 0.7 * (done.server.latency ?? duration) + 0.3 * duration;
    }
    const server = balancer.pick(servers, anyRequest);
    const index = servers.indexOf(server);
    counts[index]!++;
    server.inflight++;
    open.push({ server, ends: now + durations[index]! });
  }
  return counts;
}

export interface Simulation {
  readonly durations: readonly number[];
  readonly concurrency: number;
  readonly requests: number;
}

export function nearly(actual: number, expected: number, tolerance: number): boolean {
  return Math.abs(actual - expected) <= tolerance;
}
