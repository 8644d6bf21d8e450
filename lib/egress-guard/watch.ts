import { clock } from '../core/clock.ts';
import type { Guard } from './guard.ts';
import type { Account } from './ledger.ts';
import type { SharedEntry } from './shared-log.ts';
import type { Site } from './site.ts';
import type { Verdict } from './verdict.ts';

/** Counts what leaves in one direction of one request, for this process and for others. */
export class Watch {
  readonly guard: Guard;
  readonly verdict: Verdict;
  readonly #account: Account | undefined;
  readonly #user: string;
  readonly #site: Site;

  /** @param counted whether it is anybody's business how much leaves */
  constructor(guard: Guard, verdict: Verdict, user: string, site: Site, counted: boolean) {
    this.guard = guard;
    this.verdict = verdict;
    this.#user = user;
    this.#site = site;
    this.#account = counted ? guard.account(user, site) : undefined;
  }

  /** Bytes that are held back until what comes behind them has been looked at. */
  get hold(): number {
    const { blocks, kit, settings } = this.guard;
    return blocks && kit.body.length > 0 ? settings.inspection.hold : 0;
  }

  opened(): void {
    const now = clock.now();
    const entry = this.#share();
    if (entry === undefined) this.#account?.opened(now);
    else entry.opened(now);
    this.#account?.judge(now, this.verdict.found);
  }

  sent(bytes: number): void {
    const now = clock.now();
    const entry = this.#share();
    if (entry === undefined) this.#account?.carried(bytes);
    else entry.sent(bytes);
    this.#account?.sent(bytes, now, this.verdict.found);
  }

  /** Where several processes judge together, all of them learn of it in the same order. */
  #share(): SharedEntry | undefined {
    return this.#account === undefined
      ? undefined
      : this.guard.shared?.entry(this.#user, this.#site);
  }
}
