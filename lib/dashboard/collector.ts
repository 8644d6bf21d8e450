import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Upstream } from '../core/upstream/upstream.ts';
import { warn } from '../core/warn.ts';
import { entryOfEvent, entryOfTransaction, isRefusal } from './entries.ts';
import { Journal, type Entry, type EntryGroup, type EntryInit } from './journal.ts';
import { Servers, type PoolView } from './servers.ts';
import { Traffic, type Latencies, type Slice } from './traffic.ts';

const slices = 600;
const shortestSlice = 1000;
const lengthOfJournal = 100;

/** Everything the page shows of what happens, at one moment or since an earlier one. */
export interface View {
  /** Wall-clock milliseconds. */
  readonly now: number;
  /** Milliseconds of a slice of the traffic. */
  readonly step: number;
  /** When slice 0 of the traffic would have begun; wall-clock milliseconds. */
  readonly origin: number;
  readonly slices: readonly Slice[];
  /** Of the last minute. */
  readonly latencies: Latencies;
  readonly pools: readonly PoolView[];
  readonly entries: readonly Entry[];
}

/** Up to where a page knows everything already. */
export interface Seen {
  readonly slice: number;
  readonly time: number;
  /** Of each journal. */
  readonly revisions: readonly number[];
}

/**
 * Watches what goes on in the process from the moment it is made, whether somebody looks or not: it adds up, in a fixed
 * amount of memory, and keeps no timer.
 */
export class Collector {
  readonly servers: Servers;
  readonly #traffic: Traffic;
  /** One for each list: a flood of refusals does not wash away that a server went down. */
  readonly #journals: Readonly<Record<EntryGroup, Journal>> = {
    refusal: new Journal(lengthOfJournal),
    alert: new Journal(lengthOfJournal),
    server: new Journal(lengthOfJournal),
  };
  /** Records of the page's own requests. */
  readonly #own: WeakSet<Transaction> = new WeakSet();
  readonly #stop: (() => void)[] = [];

  constructor(history: number, upstreams: readonly Upstream[] | undefined) {
    const step = Math.max(shortestSlice, Math.ceil(history / slices));
    this.#traffic = new Traffic(step, Math.ceil(history / step), clock.monotonic());
    this.servers = new Servers(history, upstreams);
    this.#listen('sekisho:transaction', (record) => {
      if (this.#own.has(record)) return;
      const now = clock.monotonic();
      this.#traffic.add(record, now);
      this.servers.add(record, now);
      this.note(entryOfTransaction(record));
    });
    this.#listen('sekisho:retry', ({ upstream, server }) => {
      const now = clock.monotonic();
      this.#traffic.addEvent('retries', now);
      this.servers.addFailure(upstream, server, now);
    });
    for (const name of Object.keys(entryOfEvent) as (keyof typeof entryOfEvent)[])
      this.#listen(name, (event) => {
        this.note(entryOfEvent[name](event as never));
      });
    for (const name of ['sekisho:health', 'sekisho:ejection', 'sekisho:servers'] as const)
      this.#listen(name, () => {
        this.servers.noteStates(clock.monotonic());
      });
  }

  /** A request to the page is none of the traffic it shows. */
  ignore(record: Transaction): void {
    this.#own.add(record);
  }

  note(entry: EntryInit | undefined): void {
    if (entry === undefined) return;
    // What happens to a server is a story: up, down, up. It is told as it was.
    this.#journals[entry.group].add(entry, entry.group !== 'server');
    if (isRefusal(entry)) this.#traffic.addEvent('refusals', clock.monotonic());
  }

  /**
   * What there is to be seen now, and what that leaves to be told the next time.
   *
   * @param since what was told before is left out
   */
  look(since?: Seen): { view: View; seen: Seen } {
    const now = clock.monotonic();
    const wall = clock.now();
    const past = this.#traffic.slices(now, since?.slice);
    const journals = Object.values(this.#journals);
    const view: View = {
      now: wall,
      step: this.#traffic.step,
      origin: Math.round(wall - now),
      slices: past,
      latencies: this.#traffic.latencies(now),
      pools: this.servers.view(now, since?.time),
      entries: journals.flatMap((journal, at) => journal.since(since?.revisions[at] ?? 0)),
    };
    const revisions = journals.map(({ revision }) => revision);
    return { view, seen: { slice: this.#traffic.current, time: now, revisions } };
  }

  close(): void {
    for (const stop of this.#stop.splice(0)) stop();
  }

  #listen<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void {
    const subscriber = (event: unknown): void => {
      try {
        listener(event as Events[Name]);
      } catch (error) {
        // Node would end the process: whoever publishes is not to suffer for who looks on.
        warn('SEKISHO_DASHBOARD', `dashboard() could not read an event of ${name}`, error);
      }
    };
    subscribe(name, subscriber);
    this.#stop.push(() => void unsubscribe(name, subscriber));
  }
}
