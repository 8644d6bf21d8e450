import { clock } from '../clock.ts';

const seconds = 10;
/**
 * As many retries carry a pool over the failures that it takes to eject a server (five in a row, and those in
 * flight beside them), before there were requests to have a share of.
 */
const floor = 8;

/**
 * Keeps retries a share of the requests, so that a pool whose servers all fail is not asked a multiple
 * of what the clients ask (Finagle's and Envoy's retry budget). The retries of the last ten seconds may
 * come up to `share` of their requests, or eight, whichever is more; a share of 0 allows none.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #deposits = new Float64Array(seconds);
  readonly #withdrawals = new Float64Array(seconds);
  #deposited = 0;
  #withdrawn = 0;
  #second: number;

  constructor(share: number) {
    this.#share = share;
    this.#second = currentSecond();
  }

  /** A request has come: once per request, not per attempt. */
  deposit(): void {
    const bucket = this.#advance();
    this.#deposits[bucket] = (this.#deposits[bucket] ?? 0) + 1;
    this.#deposited++;
  }

  /** Asks for one retry. @returns whether it may happen; if so it is counted. */
  withdraw(): boolean {
    const bucket = this.#advance();
    const allowed = this.#share === 0 ? 0 : Math.max(floor, this.#share * this.#deposited);
    if (this.#withdrawn + 1 > allowed) return false;
    this.#withdrawals[bucket] = (this.#withdrawals[bucket] ?? 0) + 1;
    this.#withdrawn++;
    return true;
  }

  /** Empties the buckets whose second has passed out of the window. @returns the bucket of this second */
  #advance(): number {
    const now = currentSecond();
    for (let second = Math.max(this.#second + 1, now - seconds + 1); second <= now; second++)
      this.#empty(second % seconds);
    this.#second = Math.max(this.#second, now);
    return this.#second % seconds;
  }

  #empty(bucket: number): void {
    const deposits = this.#deposits[bucket] ?? 0;
    const withdrawals = this.#withdrawals[bucket] ?? 0;
    this.#deposited -= deposits;
    this.#withdrawn -= withdrawals;
    this.#deposits[bucket] = 0;
    this.#withdrawals[bucket] = 0;
    // What the floor lent beyond the share is paid back by the requests that followed, if they are many:
    // forgiven each time the window moves on, it would add up to more than the share.
    const owed = withdrawals - this.#share * deposits;
    if (owed <= 0 || this.#share * this.#deposited < floor) return;
    const oldest = (bucket + 1) % seconds;
    this.#withdrawals[oldest] = (this.#withdrawals[oldest] ?? 0) + owed;
    this.#withdrawn += owed;
  }
}

function currentSecond(): number {
  return Math.floor(clock.monotonic() / 1000);
}
