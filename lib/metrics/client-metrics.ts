import type { Request } from 'express';
import type { Registry } from 'prom-client';
import { CounterFamily, GaugeFamily, type Count } from './families.ts';

/** Requests under way, and the connections of those who have made one. */
export class ClientMetrics {
  active = 0;
  #connections = 0;
  readonly #known: WeakSet<object> = new WeakSet();
  readonly #opened: Count;

  constructor(registry: Registry, prefix: string) {
    new GaugeFamily(
      { name: `${prefix}requests_active`, help: 'Requests under way', labelNames: [] },
      registry,
      () => [[[], this.active]],
    );
    new GaugeFamily(
      {
        name: `${prefix}client_connections`,
        help: 'Open connections that have brought a request',
        labelNames: [],
      },
      registry,
      () => [[[], this.#connections]],
    );
    this.#opened = new CounterFamily(
      {
        name: `${prefix}client_connections_opened_total`,
        help: 'Connections that have brought a request',
        labelNames: [],
      },
      registry,
    ).cell();
  }

  see(req: Request): void {
    this.active++;
    const { socket } = req;
    // The streams of an HTTP/2 connection share one.
    const { connection = socket } = socket as { connection?: typeof socket };
    if (this.#known.has(connection)) return;
    this.#known.add(connection);
    this.#opened.value++;
    this.#connections++;
    connection.once('close', () => this.#connections--);
  }
}
