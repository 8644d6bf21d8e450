import { errorKinds } from '../core/error-codes.ts';
import type { Transaction } from '../core/transaction.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { TimeRing } from './time-ring.ts';

/** What is counted in each slice of time. */
const counted = [
  'requests',
  'errors',
  'refusals',
  'hits',
  'misses',
  'retries',
  'received',
  'sent',
] as const;
const shares = [0.5, 0.9, 0.99] as const;
/** The latency that the page shows large is that of so many milliseconds. */
const recently = 60_000;

export type Counted = (typeof counted)[number];

/** Latencies in milliseconds that half, 90 % and 99 % of the requests stayed under; null when there were none. */
export interface Latencies {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

/** One slice of time: how often each thing happened. */
export interface Slice extends Readonly<Record<Counted, number>>, Latencies {
  /** Its number; they have no gaps. */
  readonly slice: number;
}

/** Requests, errors, latencies and cache hits of the whole process over the last minutes; of a fixed size. */
export class Traffic {
  readonly #ring: TimeRing;
  readonly #columns: Readonly<Record<Counted, Float64Array>>;
  readonly #latencies: LatencyHistogram;

  constructor(step: number, length: number, now: number) {
    // One more for the slice that is being filled.
    this.#ring = new TimeRing(step, length + 1, now, (slice) => {
      for (const name of counted) this.#columns[name][slice % (length + 1)] = 0;
      this.#latencies.clear(slice);
    });
    this.#columns = Object.fromEntries(
      counted.map((name) => [name, new Float64Array(length + 1)]),
    ) as unknown as Record<Counted, Float64Array>;
    this.#latencies = new LatencyHistogram(length + 1);
  }

  get step(): number {
    return this.#ring.step;
  }

  /** Number of the slice that is being filled; those before it are complete. */
  get current(): number {
    return this.#ring.current;
  }

  add(record: Transaction, now: number): void {
    const at = this.#ring.at(now);
    this.#count('requests', at, 1);
    this.#count('received', at, record.bytesReceived);
    this.#count('sent', at, record.bytesSent);
    if (isFailure(record)) this.#count('errors', at, 1);
    const { cache } = record;
    if (cache !== undefined)
      if (cache.includes('; hit')) this.#count('hits', at, 1);
      else if (!cache.includes('fwd=bypass') && !cache.includes('fwd=method'))
        this.#count('misses', at, 1);
    const latency = latencyOf(record);
    if (latency !== undefined) this.#latencies.add(this.#ring.current, latency);
  }

  /** What is told by an event, not by the record of a request. */
  addEvent(name: 'refusals' | 'retries', now: number): void {
    this.#count(name, this.#ring.at(now), 1);
  }

  /** The complete slices from number `first` on, oldest first. */
  slices(now: number, first?: number): Slice[] {
    this.#ring.at(now);
    return this.#ring.past(first).map((slice) => {
      const at = slice % this.#ring.length;
      const counts = Object.fromEntries(
        counted.map((name) => [name, this.#columns[name][at] ?? 0]),
      ) as Record<Counted, number>;
      return { slice, ...counts, ...named(this.#latencies.quantiles([slice], shares)) };
    });
  }

  /** Over the last minute. */
  latencies(now: number): Latencies {
    this.#ring.at(now);
    const first = this.#ring.current - Math.ceil(recently / this.#ring.step);
    return named(this.#latencies.quantiles(this.#ring.past(first), shares));
  }

  #count(name: Counted, at: number, amount: number): void {
    const column = this.#columns[name];
    column[at] = (column[at] ?? 0) + amount;
  }
}

/** The client got an answer that says 5xx, or half of one, by no decision of ours. */
export function isFailure({ outcome, status, error }: Transaction): boolean {
  if (outcome === 'client-aborted') return false;
  if (error !== undefined) {
    const { source } = errorKinds[error];
    return source === 'upstream' || source === 'proxy';
  }
  return outcome === 'failed' || outcome === 'upstream-aborted' || status >= 500;
}

/** Until the head of the answer, as far as that is known: how long a body takes is up to the client as well. */
function latencyOf({ method, status, outcome, firstByte, total }: Transaction): number | undefined {
  // WebSockets and tunnels last as long as they are wanted.
  if (status === 101 || method === 'CONNECT' || outcome === 'client-aborted') return undefined;
  return firstByte ?? total;
}

function named([p50, p90, p99]: readonly (number | undefined)[]): Latencies {
  return { p50: p50 ?? null, p90: p90 ?? null, p99: p99 ?? null };
}
