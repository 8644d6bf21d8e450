import { clock } from '../clock.ts';
import { poolSchema, type PoolOptions, type ParsedPoolOptions } from './pool-options.ts';
import { Upstream } from './upstream.ts';

/** Destinations whose connections are kept; those used longest ago go first. */
const mostPools = 1000;
/** A destination that nobody has asked for so long needs no pool (milliseconds). */
const keptFor = 60_000;
const sweepInterval = 10_000;
/** Requests at a time to one destination; further ones wait. */
const mostConnections = 256;

interface Kept {
  readonly upstream: Upstream;
  usedAt: number;
}

/** Where to, and by which addresses. */
export interface PinnedDestination {
  /** As the Host field has it. */
  readonly authority: string;
  readonly port: number;
  /** Checked ones: nothing else is connected to. */
  readonly addresses: readonly string[];
}

/**
 * Connections to the many servers of the web. A pool belongs to a name together with the addresses that were checked for
 * it: when DNS answers differently, that is another pool.
 */
export class PinnedPools {
  readonly #options: ParsedPoolOptions;
  /** Least recently used first. */
  readonly #pools: Map<string, Kept> = new Map();
  #stopSweep: (() => void) | undefined;

  constructor(timeouts: PoolOptions['timeouts']) {
    this.#options = poolSchema.parse({
      timeouts,
      balance: 'first',
      // That a server of the web is down is its clients' business, and no judgement for the next ones.
      ejection: false,
      retries: { attempts: 3, budget: 1 },
      connections: { perServer: mostConnections },
    } satisfies PoolOptions);
  }

  get size(): number {
    return this.#pools.size;
  }

  find({ authority, port, addresses }: PinnedDestination): Upstream {
    const key = `${authority} ${port} ${addresses.join(' ')}`;
    const kept = this.#pools.get(key) ?? {
      upstream: this.#open({ authority, port, addresses }),
      usedAt: 0,
    };
    kept.usedAt = clock.monotonic();
    this.#pools.delete(key);
    this.#pools.set(key, kept);
    if (this.#pools.size > mostPools) this.#closeOldest();
    this.#stopSweep ??= clock.every(sweepInterval, () => {
      this.#sweep();
    });
    return kept.upstream;
  }

  async close(): Promise<void> {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map(({ upstream }) => upstream.close()));
  }

  #open({ authority, port, addresses }: PinnedDestination): Upstream {
    const definitions = addresses.map((address) => ({
      url: new URL(`http://${address.includes(':') ? `[${address}]` : address}:${port}`),
      weight: 1,
      backup: false,
      maxConnections: mostConnections,
      host: authority,
    }));
    return new Upstream(authority, definitions, this.#options);
  }

  #closeOldest(): void {
    const [oldest] = this.#pools;
    if (oldest !== undefined) this.#close(...oldest);
  }

  #sweep(): void {
    const now = clock.monotonic();
    for (const [key, kept] of this.#pools) {
      if (now - kept.usedAt < keptFor) continue;
      // Long downloads and WebSockets go on; they are looked at again.
      if (kept.upstream.servers.every(({ inflight }) => inflight === 0)) this.#close(key, kept);
    }
    if (this.#pools.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }

  #close(key: string, { upstream }: Kept): void {
    this.#pools.delete(key);
    // What is in flight ends in its own time.
    void upstream.close();
  }
}
