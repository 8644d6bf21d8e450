import { isDeepStrictEqual } from 'node:util';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { OptionsError } from '../core/errors.ts';
import { Family } from './families.ts';
import { Meter, type MeterSettings } from './meter.ts';

/** Several `metrics()` with one registry share what is counted there, each prefix for itself. */
const meters: WeakMap<Registry, Map<string, Meter>> = new WeakMap();

/**
 * @param stated which settings the caller has chosen
 * @throws {OptionsError} when the registry has metrics of these names, or others have chosen otherwise
 */
export function meterOf(
  registry: Registry,
  settings: MeterSettings,
  stated: Partial<Record<keyof MeterSettings, unknown>>,
): Meter {
  const { prefix } = settings;
  const byPrefix = meters.get(registry) ?? new Map<string, Meter>();
  const known = byPrefix.get(prefix);
  if (known !== undefined) refuseOthers(known.settings, settings, stated);
  const meter = known ?? register(registry, settings);
  byPrefix.set(prefix, meter);
  meters.set(registry, byPrefix);
  meter.users++;
  return meter;
}

function refuseOthers(
  there: MeterSettings,
  settings: MeterSettings,
  stated: Partial<Record<keyof MeterSettings, unknown>>,
): void {
  const problems = (['buckets', 'maxLabelValues'] as const)
    .filter((name) => stated[name] !== undefined)
    .filter((name) => !isDeepStrictEqual(settings[name], there[name]))
    .map(
      (name) =>
        `${name}: another metrics() with this registry has ${JSON.stringify(there[name])}; say the same, or choose another prefix`,
    );
  if (problems.length > 0) throw new OptionsError('metrics', problems);
}

/** All of them or none: a registry of the caller's may have metrics of the same names. */
function register(registry: Registry, settings: MeterSettings): Meter {
  const own = new Registry();
  const meter = new Meter(own, settings);
  const families = own.getMetricsAsArray() as unknown as Family<unknown>[];
  const foreign = families.find(({ name }) => {
    const there: unknown = registry.getSingleMetric(name);
    return there !== undefined && !(there instanceof Family);
  });
  if (foreign !== undefined) {
    meter.close();
    throw new OptionsError('metrics', [
      `registry: it has a metric '${foreign.name}' already; choose another prefix than '${settings.prefix}'`,
    ]);
  }
  for (const family of families) {
    // Of a `metrics()` that has been closed.
    registry.removeSingleMetric(family.name);
    registry.registerMetric(family as never);
  }
  return meter;
}

/** The last one to leave stops the counting. */
export function leave(registry: Registry, meter: Meter): void {
  if (--meter.users > 0) return;
  meter.close();
  meters.get(registry)?.delete(meter.settings.prefix);
}

/** A registry of our own, with what prom-client knows of every process. */
export function ownRegistry(labels: Readonly<Record<string, string>>, process: boolean): Registry {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  if (process) collectDefaultMetrics({ register: registry });
  return registry;
}
