import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { clock } from '../core/clock.ts';
import { addressKey } from './address.ts';
import { FailureCounter, type Backoff } from './failure-counter.ts';
import type { LockoutPolicy } from './lockout-options.ts';
import { SharedFailures } from './shared-failures.ts';

/** Who tries, as the counters know him. */
export interface Subject {
  readonly address: string;
  /** Undefined when the client does not say who it is. */
  readonly user: string | undefined;
  /** The user at this address. */
  readonly pair: string;
}

const kinds = ['pair', 'user', 'address'] as const;
type Kind = (typeof kinds)[number];

/** An address that a user has logged in from is his own for 30 days. */
const trusted = 30 * 24 * 60 * 60_000;
const mostTrusted = 50_000;
/** Redis hears of it again after an hour. */
const trustRenewal = 60 * 60_000;
const longestName = 64;

/**
 * Counts wrong credentials and says who is locked, and for how long. The counter of a user at one address locks first, so a
 * stranger locks nobody out elsewhere; the one of a user from everywhere has a higher number, for guesses that come
 * from many addresses, and spares the addresses that the user has logged in from.
 */
export class Lockout {
  readonly #backoff: Readonly<Record<Kind, Backoff>>;
  readonly #counters: Readonly<Record<Kind, FailureCounter>>;
  readonly #trusted = new LRUCache<string, number>({ max: mostTrusted });
  readonly #shared: SharedFailures | undefined;

  constructor({ attempts, userAttempts, addressAttempts, store, ...times }: LockoutPolicy) {
    this.#backoff = {
      pair: { ...times, attempts },
      user: { ...times, attempts: userAttempts ?? attempts * 10 },
      address: { ...times, attempts: addressAttempts ?? attempts * 4 },
    };
    this.#counters = {
      pair: new FailureCounter(this.#backoff.pair),
      user: new FailureCounter(this.#backoff.user),
      address: new FailureCounter(this.#backoff.address),
    };
    this.#shared = store && new SharedFailures(store);
  }

  subject(name: string | undefined, ip: string | undefined): Subject {
    const address = addressKey(ip);
    if (name === undefined) return { address, user: undefined, pair: '' };
    // To a directory behind an authorizer `Alice` may be alice; each spelling must not be a counter of its own.
    const folded = name.normalize('NFKC').trim().toLowerCase();
    // A name is as long as its sender likes; the key of it is not.
    const user =
      folded.length <= longestName
        ? folded
        : `#${createHash('sha256').update(folded).digest('base64')}`;
    return { address, user, pair: `${address} ${user}` };
  }

  /** Milliseconds until the subject may try again, as far as this process knows; 0 when it may now. */
  remainingHere(subject: Subject): number {
    const now = clock.monotonic();
    let longest = 0;
    for (const kind of kinds) {
      if (kind === 'user' && this.#isTrusted(subject.pair, now)) continue;
      const key = subject[kind];
      if (key !== undefined && key !== '')
        longest = Math.max(longest, this.#counters[kind].remaining(key, now));
    }
    return longest;
  }

  /** The same as all processes know it. */
  remaining(subject: Subject): number | Promise<number> {
    if (this.#shared?.available !== true) return this.remainingHere(subject);
    return this.#learn(subject, this.#shared).then(
      () => this.remainingHere(subject),
      () => this.remainingHere(subject),
    );
  }

  failed(subject: Subject): void | Promise<void> {
    const now = clock.monotonic();
    const shared = this.#shared;
    const told: Promise<void>[] = [];
    for (const kind of kinds) {
      const key = subject[kind];
      if (key === undefined || key === '') continue;
      this.#counters[kind].fail(key, now);
      if (shared?.available === true)
        told.push(
          shared
            .fail(keyOf(kind, key), this.#backoff[kind])
            .then((lock) => this.#counters[kind].learn(key, clock.monotonic(), lock)),
        );
    }
    // Redis is gone: what this process has counted stands.
    if (told.length > 0) return Promise.allSettled(told).then(() => undefined);
  }

  /**
   * Forgives the user the failures from this address, and no others'. The counter of the address stays: else
   * whoever has one account could guess those of others for ever.
   *
   * @param known no news: the credentials were verified a short while ago
   */
  passed({ pair, user }: Subject, known: boolean): void {
    if (user === undefined) return;
    const now = clock.monotonic();
    const forgiven = this.#counters.pair.forgive(pair, now);
    if (forgiven > 0) this.#counters.user.forgive(user, now, forgiven);
    const since = this.#trusted.get(pair);
    const fresh = since !== undefined && now - since < trustRenewal;
    if (!fresh) this.#trusted.set(pair, now);
    if (this.#shared?.available === true && !known)
      this.#tellPassed(this.#shared, pair, user, fresh).catch(() => undefined);
  }

  close(): void {
    this.#shared?.close();
  }

  async #tellPassed(
    shared: SharedFailures,
    pair: string,
    user: string,
    fresh: boolean,
  ): Promise<void> {
    if (!fresh) await shared.trust(keyOf('trusted', pair), trusted);
    const forgiven = await shared.forgive(keyOf('pair', pair));
    if (forgiven > 0) await shared.forgive(keyOf('user', user), forgiven);
  }

  async #learn(subject: Subject, shared: SharedFailures): Promise<void> {
    const { pair, user } = subject;
    const asked = kinds.map(async (kind) => {
      const key = subject[kind];
      if (key === undefined || key === '') return;
      const remaining = await shared.remaining(keyOf(kind, key));
      this.#counters[kind].learn(key, clock.monotonic(), remaining);
    });
    if (user !== undefined && !this.#isTrusted(pair, clock.monotonic()))
      asked.push(
        shared.isTrusted(keyOf('trusted', pair)).then((yes) => {
          if (yes) this.#trusted.set(pair, clock.monotonic());
        }),
      );
    await Promise.all(asked);
  }

  #isTrusted(pair: string, now: number): boolean {
    const since = this.#trusted.get(pair);
    return since !== undefined && now - since < trusted;
  }
}

function keyOf(kind: Kind | 'trusted', key: string): string {
  return `${kind}:${key}`;
}
