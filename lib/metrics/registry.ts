import { collectDefaultMetrics, Registry } from 'prom-client';
import { Meter } from './meter.ts';
import type { MetricNames } from './request-metrics.ts';

/** Several `metrics()` with one registry share what is counted there. */
const meters: WeakMap<Registry, Meter> = new WeakMap();

export function meterOf(registry: Registry, names: MetricNames): Meter {
  const meter = meters.get(registry) ?? new Meter(registry, names);
  meters.set(registry, meter);
  meter.users++;
  return meter;
}

/** The last one to leave stops the counting. */
export function leave(registry: Registry, meter: Meter): void {
  if (--meter.users > 0) return;
  meter.close();
  meters.delete(registry);
}

/** A registry of our own, with what prom-client knows of every process. */
export function ownRegistry(labels: Readonly<Record<string, string>>, process: boolean): Registry {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  if (process) collectDefaultMetrics({ register: registry });
  return registry;
}
