import type { Request } from 'express';
import {
  AggregatorRegistry,
  Registry,
  type Metric,
  type OpenMetricsContentType,
} from 'prom-client';

/** Metrics as text. */
export interface Exposition {
  readonly type: string;
  readonly text: string;
}

/** The first is what a client without preference gets; Prometheus asks with versions, others without. */
const plain = ['text/plain', 'text/plain; version=0.0.4'];
const openMetrics = ['application/openmetrics-text; version=1.0.0', 'application/openmetrics-text'];

/** All metrics of a registry: in Prometheus' own format, or in OpenMetrics for a client that prefers it. */
export async function expose(registry: Registry, req: Request): Promise<Exposition> {
  const preferred = req.accepts([...plain, ...openMetrics]);
  if (preferred === false || !openMetrics.includes(preferred))
    return { type: registry.contentType, text: await registry.metrics() };
  const open = new Registry<OpenMetricsContentType>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const metric of registry.getMetricsAsArray()) open.registerMetric(renamed(metric));
  open.setDefaultLabels((registry as { _defaultLabels?: object })._defaultLabels ?? {});
  return { type: open.contentType, text: await open.metrics() };
}

/** In OpenMetrics the name of a counter is without `_total`. prom-client would rename the metric itself, for good. */
function renamed(metric: object): Metric {
  const { name } = metric as { name: string };
  const read = async (): Promise<object> => {
    const values = await (metric as Metric).get();
    return (values.type as unknown) === 'counter'
      ? { ...values, name: values.name.replace(/_total$/, '') }
      : values;
  };
  return { name, get: read } as unknown as Metric;
}

/** Registries of this process that its cluster's primary may ask for. */
const shared: Set<Registry> = new Set();

/**
 * Lets a worker of a cluster answer its primary.
 *
 * @returns to be called when it does no more
 */
export function share(registry: Registry): () => void {
  // It is the constructor that listens for the primary's questions.
  new AggregatorRegistry();
  shared.add(registry);
  AggregatorRegistry.setRegistries([...shared]);
  return () => {
    shared.delete(registry);
    AggregatorRegistry.setRegistries([...shared]);
  };
}

/** The metrics of all workers together; for the primary. */
export async function exposeCluster(): Promise<Exposition> {
  return {
    type: Registry.PROMETHEUS_CONTENT_TYPE,
    text: await new AggregatorRegistry().clusterMetrics(),
  };
}
