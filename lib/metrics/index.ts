import type { Request, RequestHandler } from 'express';
import cluster from 'node:cluster';
import type { Registry } from 'prom-client';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { failWith } from '../core/fail-with.ts';
import { middleware } from '../core/middleware.ts';
import { seesRefused } from '../core/observing/witness.ts';
import { parseOptions } from '../core/options.ts';
import { expose, exposeCluster, share } from './exposition.ts';
import { optionsSchema, type MetricsOptions } from './options.ts';
import { mayRead } from './readers.ts';
import { leave, meterOf, ownRegistry } from './registry.ts';
import { Tracing } from './tracing.ts';

export type { MetricsOptions } from './options.ts';

export interface Metrics extends RequestHandler {
  /** The metrics as text, for whoever comes: to be mounted behind a gate, or in an app of its own on another port. */
  readonly page: RequestHandler;
  /** prom-client's registry, for metrics of your own. */
  readonly registry: Registry;
  /** Counts no more. */
  close(): void;
}

/**
 * Observer: counts and times all requests that reach it, by their records, and what pools, caches, gates, scanners and
 * tunnels of this process do; answers `GET /metrics` with it, for Prometheus. Mount it first.
 *
 * @example app.use(metrics());
 * @example
 * const meter = metrics({ path: false });
 * app.use(meter);
 * app.get('/metrics', authGate({ basic: { users: { prometheus: 'secret' } } }), meter.page);
 *
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function metrics(options: MetricsOptions = {}): Metrics {
  const parsed = parseOptions('metrics', optionsSchema, options);
  const { path, prefix, buckets, maxLabelValues } = parsed;
  const registry = parsed.registry ?? ownRegistry(parsed.labels, parsed.process);
  const meter = meterOf(registry, { prefix, buckets, maxLabelValues }, options);
  const tracing = parsed.tracing ? Tracing.load() : undefined;
  const aggregates = parsed.cluster && cluster.isPrimary;
  const unshare = parsed.cluster && cluster.isWorker ? share(registry) : undefined;
  let open = true;

  const page: RequestHandler = function metricsPage(req, res, next) {
    (aggregates ? exposeCluster() : expose(registry, req)).then(
      ({ type, text }) => {
        if (res.headersSent || res.destroyed) return;
        res.setHeader('Content-Type', type);
        res.setHeader('Cache-Control', 'no-store');
        res.end(text);
      },
      (cause: unknown) => {
        const detail = 'a metric could not be read';
        failWith(new ProxyError('ERR_SEKISHO_HOOK', { cause, detail }), req, next);
      },
    );
  };

  const handler = middleware(
    'observer',
    function metrics(req, res, next) {
      if (path !== false && asksFor(req, path) && (parsed.public || mayRead(req))) {
        page(req, res, next);
        return;
      }
      if (!open) {
        next();
        return;
      }
      meter.watch(req, res);
      if (tracing === undefined) next();
      else tracing.begin(req, res, next);
    } satisfies RequestHandler,
    parsed,
  );

  seesRefused(handler, (req, res) => {
    if (open) meter.watch(req, res);
  });

  return Object.assign(handler, {
    page,
    registry,
    close() {
      if (!open) return;
      open = false;
      leave(registry, meter);
      unshare?.();
    },
  });
}

/** What a client of the forward proxy asks for is somebody else's. */
function asksFor(req: Request, path: string): boolean {
  if (req.path !== path || (req.method !== 'GET' && req.method !== 'HEAD')) return false;
  const { proxied, upgrade } = contextOf(req);
  return !proxied && upgrade === undefined;
}
