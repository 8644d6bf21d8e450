import { LRUCache } from 'lru-cache';
import { clock } from '../core/clock.ts';
import { observed, publish } from '../core/events.ts';
import { warn } from '../core/warn.ts';
import type { EgressAlert } from './rules.ts';

/** Beyond these the longest untouched is forgotten, and told again when it comes again. */
const remembered = 10_000;

interface Told {
  since: number;
  /** Like it since then. */
  count: number;
}

/** Tells each thing once in a while, to everybody who wants to know. */
export class Alerts {
  readonly #window: number;
  readonly #onAlert: ((alert: EgressAlert) => unknown) | undefined;
  readonly #told = new LRUCache<string, Told>({ max: remembered });

  /** @param window milliseconds in which the same is told once */
  constructor(window: number, onAlert: ((alert: EgressAlert) => unknown) | undefined) {
    this.#window = window;
    this.#onAlert = onAlert;
  }

  /** @param of whom and what it is about: the same is the same */
  raise(of: string, alertOf: (repeated: number) => EgressAlert): boolean {
    const told = this.#told.get(of);
    const now = clock.monotonic();
    if (told !== undefined && now - told.since < this.#window) {
      told.count++;
      return false;
    }
    this.#told.set(of, { since: now, count: 0 });
    if (this.#onAlert !== undefined || observed('sekisho:alert'))
      this.#tell(alertOf(told?.count ?? 0));
    return true;
  }

  /** Another process has told it. */
  toldElsewhere(of: string): void {
    const told = this.#told.get(of);
    const now = clock.monotonic();
    if (told === undefined || now - told.since >= this.#window)
      this.#told.set(of, { since: now, count: told?.count ?? 0 });
  }

  #tell(alert: EgressAlert): void {
    publish('sekisho:alert', alert);
    try {
      const waiting = this.#onAlert?.(alert);
      if (waiting instanceof Promise) waiting.catch(complain);
    } catch (error) {
      complain(error);
    }
  }
}

function complain(cause: unknown): void {
  warn('SEKISHO_EGRESS_ON_ALERT', 'egressGuard: onAlert failed; requests go on without it', cause);
}
