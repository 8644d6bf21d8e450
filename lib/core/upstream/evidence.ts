const buckets = 10;

/**
 * What a server's answers and failures have shown: consecutive failures, and sums over a sliding
 * window. Numbers only; `Ejector` draws the conclusions.
 */
export class Evidence {
  /** Failures to connect, resets and broken answers since the last good answer. */
  consecutiveFailures = 0;
  /** 5xx answers since the last better one. Apart from the above: a server that says 500 is there. */
  consecutiveErrors = 0;
  /** Requests handed to it since it last answered, and when the first of them was. */
  unanswered = 0;
  unansweredSince = 0;

  readonly #answers = new Float64Array(buckets);
  readonly #failures = new Float64Array(buckets);
  #turn = -1;

  /** Counts one outcome at this time. */
  add(now: number, window: number, failed: boolean): void {
    const slot = this.#forget(now, window);
    this.#answers[slot] = (this.#answers[slot] ?? 0) + 1;
    if (failed) this.#failures[slot] = (this.#failures[slot] ?? 0) + 1;
  }

  /** Outcomes within the window. */
  requests(now: number, window: number): number {
    this.#forget(now, window);
    return sum(this.#answers);
  }

  /** Failed ones within the window. */
  failures(now: number, window: number): number {
    this.#forget(now, window);
    return sum(this.#failures);
  }

  /** A server that comes back starts with a clean slate. */
  clear(): void {
    this.consecutiveFailures = 0;
    this.consecutiveErrors = 0;
    this.unanswered = 0;
    this.#answers.fill(0);
    this.#failures.fill(0);
  }

  /** Empties the slots whose time has passed and returns the one of now. */
  #forget(now: number, window: number): number {
    const turn = Math.floor((now * buckets) / window);
    const stale = Math.min(turn - this.#turn, buckets);
    for (let step = 0; step < stale; step++) {
      const slot = (turn - step) % buckets;
      this.#answers[slot] = 0;
      this.#failures[slot] = 0;
    }
    if (turn > this.#turn) this.#turn = turn;
    return turn % buckets;
  }
}

function sum(numbers: Float64Array): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
