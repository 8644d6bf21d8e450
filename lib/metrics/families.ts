import type { Metric, MetricValueWithName, Registry } from 'prom-client';

/** How the values of several processes become one. */
export type Aggregator = 'sum' | 'max' | 'min' | 'average';

interface Description {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly aggregator?: Aggregator;
}

type Value = MetricValueWithName<string>;

/**
 * A metric as prom-client's registry wants it. Its own ones look a set of labels up at each count, which costs more than
 * a request may cost here: these hand out a cell per set of labels, and whoever counts keeps that.
 */
export abstract class Family<Cell> {
  abstract readonly type: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly aggregator: Aggregator;
  readonly #cells: Map<string, { readonly labels: Record<string, string>; readonly cell: Cell }> =
    new Map();

  constructor({ name, help, labelNames, aggregator = 'sum' }: Description, registry: Registry) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.aggregator = aggregator;
    registry.registerMetric(this as unknown as Metric);
  }

  /** @param values of the labels, in their order; bounded by the caller */
  cell(...values: readonly string[]): Cell {
    const key = values.join('\n');
    let entry = this.#cells.get(key);
    if (entry === undefined) {
      const labels = Object.fromEntries(
        this.labelNames.map((name, at) => [name, values[at] ?? ''] as const),
      );
      entry = { labels, cell: this.create() };
      this.#cells.set(key, entry);
    }
    return entry.cell;
  }

  /** prom-client asks. */
  get(): Promise<{
    name: string;
    help: string;
    type: string;
    aggregator: Aggregator;
    values: Value[];
  }> {
    const { name, help, type, aggregator } = this;
    const values: Value[] = [];
    for (const { labels, cell } of this.#cells.values()) this.describe(cell, labels, values);
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  reset(): void {
    this.#cells.clear();
  }

  protected abstract create(): Cell;
  protected abstract describe(cell: Cell, labels: Record<string, string>, values: Value[]): void;
}

export interface Count {
  value: number;
}

export class CounterFamily extends Family<Count> {
  readonly type = 'counter';

  protected create(): Count {
    return { value: 0 };
  }

  protected describe(cell: Count, labels: Record<string, string>, values: Value[]): void {
    values.push({ value: cell.value, labels });
  }
}

/** A value for a set of labels. */
export type Reading = readonly [labels: readonly string[], value: number];

/** Gauges are read when they are asked for. */
export class GaugeFamily extends Family<Count> {
  readonly type = 'gauge';
  readonly #read: () => Iterable<Reading>;

  constructor(description: Description, registry: Registry, read: () => Iterable<Reading>) {
    super(description, registry);
    this.#read = read;
  }

  override get(): ReturnType<Family<Count>['get']> {
    this.reset();
    for (const [labels, value] of this.#read()) this.cell(...labels).value = value;
    return super.get();
  }

  protected create(): Count {
    return { value: 0 };
  }

  protected describe(cell: Count, labels: Record<string, string>, values: Value[]): void {
    values.push({ value: cell.value, labels });
  }
}

export class Histogram {
  readonly #bounds: readonly number[];
  /** Of each bucket alone; the last one has no bound. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] as number)) at++;
    (this.counts[at] as number)++;
    this.sum += value;
    this.count++;
  }
}

export class HistogramFamily extends Family<Histogram> {
  readonly type = 'histogram';
  readonly #bounds: readonly number[];

  constructor(description: Description, registry: Registry, bounds: readonly number[]) {
    super(description, registry);
    this.#bounds = bounds;
  }

  protected create(): Histogram {
    return new Histogram(this.#bounds);
  }

  protected describe(cell: Histogram, labels: Record<string, string>, values: Value[]): void {
    let count = 0;
    for (const [at, own] of cell.counts.entries()) {
      count += own;
      const le = String(this.#bounds[at] ?? '+Inf');
      values.push({ metricName: `${this.name}_bucket`, value: count, labels: { le, ...labels } });
    }
    values.push({ metricName: `${this.name}_sum`, value: cell.sum, labels });
    values.push({ metricName: `${this.name}_count`, value: cell.count, labels });
  }
}
