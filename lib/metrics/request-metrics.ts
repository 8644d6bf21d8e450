import type { Registry } from 'prom-client';
import { errorKinds } from '../core/error-codes.ts';
import type { Transaction } from '../core/transaction.ts';
import { cacheResult } from './cache-result.ts';
import { CounterFamily, HistogramFamily, type Count, type Histogram } from './families.ts';
import { methodLabel, statusLabel, type Labels, type LabelValues } from './label-values.ts';

export interface MetricNames {
  readonly prefix: string;
  /** Seconds. */
  readonly buckets: readonly number[];
}

/** The cells of requests of one method for one route: found once, counted in from then on. */
interface RouteCells {
  readonly statuses: Map<number, Count>;
  readonly duration: Histogram;
  readonly received: Count;
  readonly sent: Count;
}

interface UpstreamCells {
  readonly statuses: Map<number, Count>;
  readonly firstByte: Histogram;
  readonly queued: Histogram;
  readonly connect: Histogram;
}

/** What the records of requests add up to. */
export class RequestMetrics {
  readonly #registry: Registry;
  readonly #names: MetricNames;
  readonly #routes: LabelValues;
  readonly #upstreams: LabelValues;
  readonly #servers: LabelValues;
  readonly #rules: LabelValues;
  readonly #byRoute: Map<string, Map<string, RouteCells>> = new Map();
  readonly #byServer: Map<string, Map<string, UpstreamCells>> = new Map();
  readonly #requests: CounterFamily;
  readonly #durations: HistogramFamily;
  readonly #received: CounterFamily;
  readonly #sent: CounterFamily;
  readonly #errors: CounterFamily;
  readonly #aborts: CounterFamily;
  readonly #upstreamRequests: CounterFamily;
  readonly #firstByte: HistogramFamily;
  readonly #queued: HistogramFamily;
  readonly #connect: HistogramFamily;
  readonly #cached: CounterFamily;
  readonly #cachedBytes: CounterFamily;
  readonly #verdicts: CounterFamily;
  readonly #long: CounterFamily;
  readonly #longBytes: CounterFamily;

  constructor(registry: Registry, names: MetricNames, labels: Labels) {
    this.#registry = registry;
    this.#names = names;
    this.#routes = labels.valuesOf('route');
    this.#upstreams = labels.valuesOf('upstream');
    this.#servers = labels.valuesOf('server');
    this.#rules = labels.valuesOf('category');
    this.#requests = this.#counter('requests_total', 'Requests that have ended', [
      ...['route', 'method', 'status'],
    ]);
    this.#durations = this.#histogram(
      'request_duration_seconds',
      'From the head of the request to the end of the answer; without tunnels and WebSockets',
      ['route', 'method'],
    );
    this.#received = this.#counter('request_bytes_total', 'Bytes of request bodies', [
      ...['route', 'method'],
    ]);
    this.#sent = this.#counter('response_bytes_total', 'Bytes of answer bodies', [
      ...['route', 'method'],
    ]);
    this.#errors = this.#counter('errors_total', 'Requests that failed or were refused, by code', [
      ...['code', 'source'],
    ]);
    this.#aborts = this.#counter('aborts_total', 'Requests cut short, by whom and where', [
      ...['by', 'stage'],
    ]);
    this.#upstreamRequests = this.#counter(
      'upstream_requests_total',
      'Requests that went to a server; the status is the one the client got',
      ['upstream', 'server', 'status'],
    );
    this.#firstByte = this.#histogram(
      'upstream_first_byte_seconds',
      'From the choice of a server to the first byte of its answer',
      ['upstream', 'server'],
    );
    this.#queued = this.#histogram('upstream_queue_seconds', 'Until a server was chosen', [
      'upstream',
      'server',
    ]);
    this.#connect = this.#histogram(
      'upstream_connect_seconds',
      'What new connections took, TLS included',
      ['upstream', 'server'],
    );
    this.#cached = this.#counter('cache_requests_total', 'Requests a cache has seen', ['result']);
    this.#cachedBytes = this.#counter('cache_bytes_total', 'Bytes sent for them', ['result']);
    this.#verdicts = this.#counter('verdicts_total', 'What gates and scanners made of requests', [
      ...['by', 'outcome', 'category'],
    ]);
    this.#long = this.#counter('tunnels_total', 'Tunnels and WebSockets that have ended', [
      ...['kind', 'outcome'],
    ]);
    this.#longBytes = this.#counter('tunnel_bytes_total', 'Bytes through them', [
      'kind',
      'direction',
    ]);
  }

  /** @param seconds the record's own numbers are milliseconds */
  add(record: Transaction): void {
    const { status, method, bytesReceived, bytesSent, total = 0 } = record;
    const cells = this.#cellsOf(record);
    let count = cells.statuses.get(status);
    if (count === undefined) {
      count = this.#requests.cell(this.#routeOf(record), methodLabel(method), statusLabel(status));
      // A broken server may have any number of them.
      if (cells.statuses.size < 1000) cells.statuses.set(status, count);
    }
    count.value++;
    if (status === 101 || method === 'CONNECT') this.#addTunnel(record);
    else {
      cells.duration.observe(total / 1000);
      cells.received.value += bytesReceived;
      cells.sent.value += bytesSent;
    }
    if (record.attempts > 0) this.#addForwarded(record);
    if (record.error !== undefined)
      this.#errors.cell(record.error, errorKinds[record.error].source).value++;
    if (record.abortedBy !== undefined)
      this.#aborts.cell(record.abortedBy, record.stage ?? 'body').value++;
    if (record.cache !== undefined) {
      const result = cacheResult(record.cache);
      this.#cached.cell(result).value++;
      this.#cachedBytes.cell(result).value += bytesSent;
    }
    this.#addVerdicts(record);
  }

  #addForwarded(record: Transaction): void {
    const { status, queued, connect, firstByte } = record;
    const cells = this.#serverCellsOf(record);
    let count = cells.statuses.get(status);
    if (count === undefined) {
      const [upstream, server] = this.#serverLabels(record);
      count = this.#upstreamRequests.cell(upstream, server, statusLabel(status));
      if (cells.statuses.size < 1000) cells.statuses.set(status, count);
    }
    count.value++;
    if (queued !== undefined) cells.queued.observe(queued / 1000);
    if (connect !== undefined) cells.connect.observe(connect / 1000);
    if (firstByte !== undefined && queued !== undefined)
      cells.firstByte.observe((firstByte - queued) / 1000);
  }

  #addTunnel({ status, outcome = 'completed', bytesReceived, bytesSent }: Transaction): void {
    if (status !== 101 && status !== 200) return;
    const kind = status === 101 ? 'websocket' : 'connect';
    this.#long.cell(kind, outcome).value++;
    this.#longBytes.cell(kind, 'received').value += bytesReceived;
    this.#longBytes.cell(kind, 'sent').value += bytesSent;
  }

  #addVerdicts({ auth, filter, filterCategory, scan, egress }: Transaction): void {
    if (auth !== undefined) this.#verdicts.cell('auth', auth, '').value++;
    if (filter !== undefined) {
      const category = filterCategory === undefined ? '' : this.#rules.of(filterCategory);
      this.#verdicts.cell('filter', filter, category).value++;
    }
    if (scan !== undefined) this.#verdicts.cell('scan', scan, '').value++;
    if (egress !== undefined) this.#verdicts.cell('egress', egress, '').value++;
  }

  #cellsOf(record: Transaction): RouteCells {
    const route = this.#routeOf(record);
    const byMethod = this.#byRoute.get(route) ?? new Map<string, RouteCells>();
    if (byMethod.size === 0) this.#byRoute.set(route, byMethod);
    const method = methodLabel(record.method);
    const known = byMethod.get(method);
    if (known !== undefined) return known;
    const cells: RouteCells = {
      statuses: new Map(),
      duration: this.#durations.cell(route, method),
      received: this.#received.cell(route, method),
      sent: this.#sent.cell(route, method),
    };
    byMethod.set(method, cells);
    return cells;
  }

  #serverCellsOf(record: Transaction): UpstreamCells {
    const [upstream, server] = this.#serverLabels(record);
    const byName = this.#byServer.get(upstream) ?? new Map<string, UpstreamCells>();
    if (byName.size === 0) this.#byServer.set(upstream, byName);
    const known = byName.get(server);
    if (known !== undefined) return known;
    const cells: UpstreamCells = {
      statuses: new Map(),
      firstByte: this.#firstByte.cell(upstream, server),
      queued: this.#queued.cell(upstream, server),
      connect: this.#connect.cell(upstream, server),
    };
    byName.set(server, cells);
    return cells;
  }

  #routeOf({ route }: Transaction): string {
    return this.#routes.of(route);
  }

  #serverLabels({ upstream, server }: Transaction): [string, string] {
    return [this.#upstreams.of(upstream), this.#servers.of(server)];
  }

  #counter(name: string, help: string, labelNames: readonly string[]): CounterFamily {
    return new CounterFamily({ name: this.#names.prefix + name, help, labelNames }, this.#registry);
  }

  #histogram(name: string, help: string, labelNames: readonly string[]): HistogramFamily {
    const description = { name: this.#names.prefix + name, help, labelNames };
    return new HistogramFamily(description, this.#registry, this.#names.buckets);
  }
}
