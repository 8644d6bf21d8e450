import type { Request, Response } from 'express';
import type { Registry } from 'prom-client';
import { observe, type Observer } from '../core/observing.ts';
import type { Transaction } from '../core/transaction.ts';
import { ClientMetrics } from './client-metrics.ts';
import { countEvents } from './event-metrics.ts';
import { Labels } from './label-values.ts';
import { showLoopLag } from './loop-lag.ts';
import { RequestMetrics, type MetricNames } from './request-metrics.ts';
import { showServers } from './server-metrics.ts';

export interface MeterSettings extends MetricNames {
  readonly maxLabelValues: number;
}

/** All metrics of one prefix in a registry; however many `metrics()` share them, a request counts once. */
export class Meter implements Observer {
  readonly settings: MeterSettings;
  readonly #requests: RequestMetrics;
  readonly #clients: ClientMetrics;
  readonly #stops: readonly (() => void)[];
  /** How many use it. */
  users = 0;

  constructor(registry: Registry, settings: MeterSettings) {
    const labels = new Labels(settings.maxLabelValues);
    this.settings = settings;
    this.#requests = new RequestMetrics(registry, settings, labels);
    this.#clients = new ClientMetrics(registry, settings.prefix);
    showServers(registry, settings.prefix, labels);
    this.#stops = [countEvents(registry, settings, labels), showLoopLag(registry, settings.prefix)];
  }

  watch(req: Request, res: Response): void {
    if (observe(req, res, this)) this.#clients.see(req);
  }

  onEnd(record: Transaction): void {
    this.#clients.active--;
    this.#requests.add(record);
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }
}
