import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Registry } from 'prom-client';
import type { Events } from '../core/events.ts';
import { CounterFamily, GaugeFamily, HistogramFamily } from './families.ts';
import type { Labels } from './label-values.ts';
import type { MetricNames } from './request-metrics.ts';

type Unsubscribe = () => void;

/**
 * What the events of this process add up to: retries, ejections, health, scans, alerts, tunnels, warnings.
 *
 * @returns to be called when nobody counts any more
 */
export function countEvents(registry: Registry, names: MetricNames, labels: Labels): Unsubscribe {
  const bounded = (label: string, value: string | undefined): string =>
    labels.valuesOf(label).of(value);
  const counter = (name: string, help: string, labelNames: readonly string[]): CounterFamily =>
    new CounterFamily({ name: names.prefix + name, help, labelNames }, registry);

  const retries = counter('upstream_retries_total', 'Attempts given up for another one', [
    ...['upstream', 'server', 'reason'],
  ]);
  const ejections = counter('upstream_ejections_total', 'Servers taken out for their answers', [
    ...['upstream', 'server'],
  ]);
  const health = counter('upstream_health_changes_total', 'Changes of mind of health checks', [
    ...['upstream', 'server', 'state'],
  ]);
  const scans = counter('scans_total', 'Bodies the virus scanner has judged', [
    'outcome',
    'direction',
  ]);
  const scanBytes = counter('scan_bytes_total', 'Bytes of them', ['outcome', 'direction']);
  const scanTime = new HistogramFamily(
    { name: `${names.prefix}scan_seconds`, help: 'What the engine took', labelNames: ['engine'] },
    registry,
    names.buckets,
  );
  const alerts = counter('alerts_total', 'What egressGuard found suspicious', [
    ...['rule', 'severity', 'blocked'],
  ]);
  const warnings = counter('warnings_total', 'Warnings to the operator', ['code']);
  let tunnels = 0;
  new GaugeFamily(
    { name: `${names.prefix}tunnels_open`, help: 'CONNECT tunnels that are open', labelNames: [] },
    registry,
    () => [[[], tunnels]],
  );

  const stops = [
    on('sekisho:retry', ({ upstream, server, reason }) => {
      retries.cell(
        bounded('upstream', upstream),
        bounded('server', server),
        bounded('reason', reason),
      ).value++;
    }),
    on('sekisho:ejection', ({ upstream, server, ejected }) => {
      if (ejected) ejections.cell(bounded('upstream', upstream), bounded('server', server)).value++;
    }),
    on('sekisho:health', ({ upstream, server, state }) => {
      health.cell(bounded('upstream', upstream), bounded('server', server), state).value++;
    }),
    on('sekisho:scan', ({ outcome, direction, bytes, engine, took }) => {
      scans.cell(outcome, direction).value++;
      scanBytes.cell(outcome, direction).value += bytes;
      scanTime.cell(bounded('engine', engine)).observe(took / 1000);
    }),
    on('sekisho:alert', ({ rule, severity, blocked }) => {
      alerts.cell(bounded('rule', rule), severity, String(blocked)).value++;
    }),
    on('sekisho:tunnel', ({ open }) => {
      tunnels = open;
    }),
    on('sekisho:warning', ({ code }) => {
      warnings.cell(bounded('code', code)).value++;
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function on<Name extends keyof Events>(
  name: Name,
  listener: (event: Events[Name]) => void,
): Unsubscribe {
  const heard = (event: unknown): void => {
    listener(event as Events[Name]);
  };
  subscribe(name, heard);
  return () => void unsubscribe(name, heard);
}
