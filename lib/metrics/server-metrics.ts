import type { Registry } from 'prom-client';
import { callRoll } from '../core/upstream/roll-call.ts';
import type { Server } from '../core/upstream/server.ts';
import { GaugeFamily, type Aggregator, type Reading } from './families.ts';
import type { Labels } from './label-values.ts';

interface ServerGauge {
  readonly name: string;
  readonly help: string;
  readonly aggregator: Aggregator;
  readonly read: (server: Server) => number | undefined;
}

const gauges: readonly ServerGauge[] = [
  {
    name: 'upstream_up',
    help: '1 for a server that gets requests, 0 for one that health checks, ejection or an operator have taken out',
    aggregator: 'min',
    read: ({ state }) => (state === 'up' || state === 'unknown' ? 1 : 0),
  },
  {
    name: 'upstream_ejected',
    help: '1 for a server that is out for its answers',
    aggregator: 'max',
    read: ({ ejected }) => (ejected === undefined ? 0 : 1),
  },
  {
    name: 'upstream_inflight',
    help: 'Requests sent and not yet answered to the end',
    aggregator: 'sum',
    read: ({ inflight }) => inflight,
  },
  {
    name: 'upstream_connections',
    help: 'Open connections to a server',
    aggregator: 'sum',
    read: ({ transport }) => transport.connections,
  },
  {
    name: 'upstream_latency_seconds',
    help: 'Moving average to the head of an answer, as balancing sees it',
    aggregator: 'average',
    read: ({ latency }) => (latency === undefined ? undefined : latency / 1000),
  },
];

/** The servers of all pools of the process as they are when somebody asks. */
export function showServers(registry: Registry, prefix: string, labels: Labels): void {
  for (const { name, help, aggregator, read } of gauges)
    new GaugeFamily(
      { name: prefix + name, help, labelNames: ['upstream', 'server'], aggregator },
      registry,
      () => readings(read, aggregator, labels),
    );
}

/** Pools of one name (the same target, mounted twice) are one to Prometheus, and so are all servers beyond the limit. */
function readings(
  read: ServerGauge['read'],
  aggregator: Aggregator,
  known: Labels,
): Iterable<Reading> {
  const found = new Map<string, Reading>();
  const upstreams = known.valuesOf('upstream');
  const servers = known.valuesOf('server');
  for (const pool of callRoll())
    for (const server of pool.servers) {
      const value = read(server);
      if (value === undefined) continue;
      const labels = [upstreams.of(pool.name), servers.of(server.name)];
      const key = labels.join('\n');
      const before = found.get(key)?.[1];
      found.set(key, [labels, before === undefined ? value : combined(before, value, aggregator)]);
    }
  return found.values();
}

function combined(one: number, another: number, aggregator: Aggregator): number {
  if (aggregator === 'sum') return one + another;
  return aggregator === 'min' ? Math.min(one, another) : Math.max(one, another);
}
