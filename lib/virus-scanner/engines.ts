import { clock } from '../core/clock.ts';
import { Engine, type EngineState } from './engine.ts';
import type { Scanner } from './scanner.ts';

export interface EngineLimits {
  /** Scans at the same time, of each engine. */
  readonly perEngine: number;
  /** Bodies that may wait for a place. */
  readonly queue: number;
  /** Milliseconds. */
  readonly queueTimeout: number;
}

/** How an engine does at the moment. */
export interface EngineStatus {
  /** `clamd 127.0.0.1:3310`. */
  readonly name: string;
  readonly state: EngineState;
  /** As the engine says: product and signatures; undefined when it has not been asked yet. */
  readonly version: string | undefined;
  /** Scans under way. */
  readonly busy: number;
}

/** Bodies that rest may do so from now on: milliseconds after which that is looked at again. */
const longestWait = 1000;

/** Gets an engine, or learns why there is none. */
type Taker = (engine: Engine | undefined, reason: string) => void;

interface Waiter {
  readonly tried: ReadonlySet<Engine>;
  readonly isWhole: () => boolean;
  readonly settle: Taker;
}

/** All engines of one `virusScanner()`: whoever has least to do is next, and when all are busy bodies wait in line. */
export class Engines {
  readonly #engines: readonly Engine[];
  readonly #limits: EngineLimits;
  readonly #waiters: Set<Waiter> = new Set();
  #stopTimer: (() => void) | undefined;
  #closed = false;

  constructor(scanners: readonly Scanner[], limits: EngineLimits) {
    this.#limits = limits;
    this.#engines = scanners.map(
      (scanner) =>
        new Engine(scanner, limits.perEngine, () => {
          this.#serve();
        }),
    );
  }

  get status(): readonly EngineStatus[] {
    return this.#engines.map(({ name, state, version, busy }) => ({ name, state, version, busy }));
  }

  /** What all verdicts hang on; undefined while an engine has not said which signatures it has. */
  get version(): string | undefined {
    const versions = new Set<string>();
    for (const engine of this.#engines) {
      engine.refresh();
      const { name, version, state } = engine;
      if (version !== undefined) versions.add(`${name} ${version}`);
      else if (state !== 'down') return undefined;
    }
    return versions.size === 0 ? undefined : [...versions].join(', ');
  }

  get judgesUrl(): boolean {
    return this.#engines.some(({ scanner }) => scanner.judgesUrl);
  }

  /**
   * Calls back at once when an engine has a place, else when one has, or none will.
   *
   * @param isWhole whether all of the body is there by then
   * @returns a function that gives up waiting
   */
  acquire(tried: ReadonlySet<Engine>, isWhole: () => boolean, taker: Taker): () => void {
    const engine = this.#closed ? undefined : this.#place(tried, isWhole());
    if (engine !== undefined) {
      taker(engine, '');
      return nothing;
    }
    const why = this.#hopeless(tried);
    if (why !== undefined || this.#waiters.size >= this.#limits.queue) {
      taker(undefined, why ?? `${this.#waiters.size} bodies wait already`);
      return nothing;
    }
    const waiter: Waiter = {
      tried,
      isWhole,
      settle: (found, reason) => {
        this.#waiters.delete(waiter);
        stopTimer();
        taker(found, reason);
      },
    };
    const { queueTimeout } = this.#limits;
    const stopTimer = clock.after(queueTimeout, () => {
      waiter.settle(undefined, `no place within ${queueTimeout} ms`);
    });
    this.#waiters.add(waiter);
    this.#hurry();
    return () => {
      this.#waiters.delete(waiter);
      stopTimer();
    };
  }

  close(): void {
    this.#closed = true;
    this.#stopTimer?.();
    for (const engine of this.#engines) engine.close();
    for (const waiter of [...this.#waiters]) waiter.settle(undefined, 'the scanner is closed');
  }

  /** Those who wait get what places there are, or hear that there will be none. */
  #serve(): void {
    for (const waiter of [...this.#waiters]) {
      const engine = this.#free(waiter.tried, waiter.isWhole());
      const why = engine === undefined ? this.#hopeless(waiter.tried) : undefined;
      if (engine !== undefined || why !== undefined) waiter.settle(engine, why ?? '');
    }
  }

  /** While bodies wait, those that come too slowly lose their places to them. */
  #hurry(): void {
    if (this.#stopTimer !== undefined || this.#closed || this.#waiters.size === 0) return;
    const due = Math.min(...this.#engines.map((engine) => engine.due));
    const wait = Math.min(longestWait, Math.max(1, due - clock.monotonic()));
    this.#stopTimer = clock.after(wait, () => {
      this.#stopTimer = undefined;
      for (const { tried } of [...this.#waiters]) this.#evict(tried);
      this.#hurry();
    });
  }

  #place(tried: ReadonlySet<Engine>, whole: boolean): Engine | undefined {
    const free = this.#free(tried, whole);
    if (free !== undefined) return free;
    this.#evict(tried);
    return this.#free(tried, whole);
  }

  #evict(tried: ReadonlySet<Engine>): void {
    let slowest: Engine | undefined;
    for (const engine of this.#engines)
      if (!tried.has(engine) && engine.due <= Math.min(clock.monotonic(), slowest?.due ?? Infinity))
        slowest = engine;
    slowest?.evict();
  }

  #free(tried: ReadonlySet<Engine>, whole: boolean): Engine | undefined {
    let best: Engine | undefined;
    for (const engine of this.#engines)
      if (
        !tried.has(engine) &&
        engine.hasPlace(whole) &&
        (best === undefined || engine.busy < best.busy)
      )
        best = engine;
    return best;
  }

  /** Why waiting is in vain; undefined when it is not. */
  #hopeless(tried: ReadonlySet<Engine>): string | undefined {
    if (this.#closed) return 'the scanner is closed';
    const left = this.#engines.filter((engine) => !tried.has(engine));
    if (left.some(({ state }) => state !== 'down')) return undefined;
    return this.#engines.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  }
}

function nothing(): void {
  // It has been settled already.
}
