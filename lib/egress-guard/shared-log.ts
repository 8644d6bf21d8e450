import { randomUUID } from 'node:crypto';
import { clock } from '../core/clock.ts';
import { Redis, type RedisInit } from '../core/redis.ts';
import type { Alerts } from './alerts.ts';
import type { Ledger } from './ledger.ts';
import type { Site, Sites } from './site.ts';

/** What one user has done with one host since the last batch. */
export class SharedEntry {
  readonly user: string;
  readonly hostname: string;
  bytes = 0;
  readonly times: number[] = [];

  constructor(user: string, hostname: string) {
    this.user = user;
    this.hostname = hostname;
  }

  opened(at: number): void {
    if (this.times.length < mostTimes) this.times.push(at);
  }

  sent(bytes: number): void {
    this.bytes += bytes;
  }
}

/** What the log is about. */
export interface Reader {
  readonly ledger: Ledger;
  readonly sites: Sites;
  readonly alerts: Alerts;
}

/** Milliseconds between two batches, and between two looks at what others have written. */
const period = 500;
/** Of one host in one batch: calls in such a short time are one visit anyhow. */
const mostTimes = 8;
/** Entries of a batch; what comes beyond is known to this process only. */
const mostEntries = 5000;
/** Batches the log keeps: with four processes an hour under constant load, much longer otherwise. */
const keptBatches = 30_000;
const readAtOnce = 200;
/** A log that nobody writes to is gone after this time. */
const lifetime = 8 * 24 * 60 * 60_000;
const key = 'log';

/** As it is written: who has written it, `[user, host, bytes, times]`, and what alerts were told. */
type Batch = readonly [
  process: string,
  entries: readonly (readonly [string, string, number, readonly number[]])[],
  told: readonly string[],
];

/**
 * One log in Redis that all processes write to and read, each at its own pace (a stream). Nobody waits for it: bytes count here at
 * once and elsewhere within a second or so, and what is judged by its order is judged by the order of the log, so that all come to
 * the same conclusions. A process that starts learns from what the log still has. While Redis is gone each learns by itself.
 */
export class SharedLog {
  readonly #reader: Reader;
  readonly #redis: Redis;
  readonly #process = randomUUID();
  readonly #cancel: () => void;
  #entries = new Map<string, SharedEntry>();
  #told: string[] = [];
  #last = '-';
  #busy = false;
  #renewed = -Infinity;

  constructor(store: Omit<RedisInit, 'without'>, reader: Reader) {
    this.#reader = reader;
    this.#redis = new Redis({
      ...store,
      prefix: `${store.prefix}egress:`,
      without: 'egressGuard judges by what this process has seen',
    });
    this.#cancel = clock.every(period, () => void this.#turn());
    void this.#turn();
  }

  /** Where to write what this user does there; undefined when this process is on its own. */
  entry(user: string, { hostname }: Site): SharedEntry | undefined {
    if (!this.#redis.available) return undefined;
    const id = `${user} ${hostname}`;
    let entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    if (this.#entries.size >= mostEntries) return undefined;
    entry = new SharedEntry(user, hostname);
    this.#entries.set(id, entry);
    return entry;
  }

  /** An alert that needs not to be told again elsewhere. */
  told(of: string): void {
    if (this.#told.length < mostEntries) this.#told.push(of);
  }

  close(): void {
    this.#cancel();
    this.#redis.close();
  }

  async #turn(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#write();
      await this.#read();
    } catch {
      // The operator has been told by the link; the next turn tries again.
    } finally {
      this.#busy = false;
    }
  }

  async #write(): Promise<void> {
    const entries = [...this.#entries.values()];
    const told = this.#told;
    if (entries.length === 0 && told.length === 0) return;
    this.#entries = new Map();
    this.#told = [];
    const batch: Batch = [
      this.#process,
      entries.map(({ user, hostname, bytes, times }) => [user, hostname, bytes, times]),
      told,
    ];
    try {
      await this.#redis.run(key, [
        ...['XADD', null, 'MAXLEN', '~', String(keptBatches), '*'],
        ...['batch', JSON.stringify(batch)],
      ]);
    } catch (error) {
      // Nobody will read it there.
      this.#apply(batch, true);
      throw error;
    }
    const now = clock.monotonic();
    if (now - this.#renewed < lifetime / 100) return;
    this.#renewed = now;
    await this.#redis.run(key, ['PEXPIRE', null, String(lifetime)]);
  }

  async #read(): Promise<void> {
    for (;;) {
      const range = ['XRANGE', null, this.#last, '+', 'COUNT', String(readAtOnce)];
      const reply = (await this.#redis.run(key, range)) as readonly [Buffer, readonly Buffer[]][];
      for (const [id, fields] of reply) {
        const first = this.#last === '-';
        this.#last = `(${String(id)}`;
        if (first) this.#reader.ledger.watchedSince(Number(String(id).split('-', 1)[0]));
        const batch = parse(String(fields[1]));
        if (batch !== undefined) this.#apply(batch, batch[0] === this.#process);
      }
      if (reply.length < readAtOnce) return;
    }
  }

  /** @param own its bytes have been counted when they left */
  #apply([, entries, told]: Batch, own: boolean): void {
    const { ledger, sites, alerts } = this.#reader;
    const now = clock.now();
    for (const [user, hostname, bytes, times] of entries) {
      const account = ledger.account(user, sites.of(hostname), times[0] ?? now);
      for (const time of times) account.opened(time);
      account.carried(bytes);
      if (!own) account.sent(bytes, times[0] ?? now, ignore);
    }
    if (!own) for (const of of told) alerts.toldElsewhere(of);
  }
}

function ignore(): void {
  // Who sends it judges it.
}

/** @returns undefined for what another version has written */
function parse(text: string): Batch | undefined {
  try {
    const batch = JSON.parse(text) as Batch;
    const fits =
      Array.isArray(batch[1]) &&
      Array.isArray(batch[2]) &&
      batch[1].every(
        ([user, host, bytes, times]) =>
          typeof user === 'string' &&
          typeof host === 'string' &&
          Number.isFinite(bytes) &&
          Array.isArray(times) &&
          times.every(Number.isFinite),
      );
    return fits ? batch : undefined;
  } catch {
    return undefined;
  }
}
