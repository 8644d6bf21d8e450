import type { Request, Response } from 'express';
import type { Registry } from 'prom-client';
import { observe, type Observer } from '../core/observing.ts';
import type { Transaction } from '../core/transaction.ts';
import { ClientMetrics } from './client-metrics.ts';
import { countEvents } from './event-metrics.ts';
import { showLoopLag } from './loop-lag.ts';
import { RequestMetrics, type MetricNames } from './request-metrics.ts';
import { showServers } from './server-metrics.ts';

/** All metrics of one registry; however many `metrics()` share it, a request counts once. */
export class Meter implements Observer {
  readonly #requests: RequestMetrics;
  readonly #clients: ClientMetrics;
  readonly #stops: readonly (() => void)[];
  /** How many use it. */
  users = 0;

  constructor(registry: Registry, names: MetricNames) {
    this.#requests = new RequestMetrics(registry, names);
    this.#clients = new ClientMetrics(registry, names.prefix);
    showServers(registry, names.prefix);
    this.#stops = [countEvents(registry, names), showLoopLag(registry, names.prefix)];
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
