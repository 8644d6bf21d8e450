import { Ring } from './ring.ts';
import { robustScore, usual, type Usual } from './robust.ts';
import type { Finding } from './rules.ts';

export interface WindowPolicy {
  /** Milliseconds. */
  readonly window: number;
  /** Bytes to one domain; Infinity when there is no limit. */
  readonly cap: number;
  /** Fewer bytes than these are never scored. */
  readonly floor: number;
}

export interface VolumePolicy {
  readonly windows: readonly WindowPolicy[];
  readonly score: number;
  /** Windows of the past without which nothing is scored. */
  readonly samples: number;
}

/** Totals of one destination that are remembered; of a user, all destinations together. */
const keptOfOne = 24;
const keptOfAll = 128;
/** With so many of its own, a destination is compared with itself. */
const ownSamples = 3;
/** A destination beyond these is not counted into the history of its user: a window is no place to hold everything. */
const mostOpen = 1024;
/** The least scale of logarithms: a factor of 1.65. */
const leastScale = 0.5;

/** What one user has sent to one domain, in windows of one length. */
export class Series {
  bytes = 0;
  /** Of the window before, when there was one directly before. */
  previous = 0;
  /** Beginning of the window that `bytes` belongs to. */
  since = 0;
  readonly history = new Ring(keptOfOne);
  /** Of the history, as logarithms; undefined while it is too short. */
  usual: Usual | undefined;

  close(since: number): void {
    this.history.push(Math.log1p(this.bytes));
    if (this.history.size >= ownSamples) this.usual = usual(this.history, leastScale);
    this.previous = this.bytes;
    this.bytes = 0;
    this.since = since;
  }
}

/**
 * What one user has sent to all domains, in windows of one length; these begin at whole multiples of it. When one is over, the
 * totals of its destinations become history. Volumes differ by orders of magnitude, so the history is one of logarithms.
 */
export class UserVolume {
  readonly #policy: WindowPolicy;
  readonly #open = new Set<Series>();
  readonly #history = new Ring(keptOfAll);
  #since = 0;
  #usual: Usual | undefined;

  constructor(policy: WindowPolicy) {
    this.#policy = policy;
  }

  add(series: Series, bytes: number, now: number): void {
    this.#turn(now);
    this.#catchUp(series);
    series.bytes += bytes;
    if (this.#open.size < mostOpen) this.#open.add(series);
  }

  /**
   * @param weight how many times the bytes count
   * @param policy undefined: too little is known of what is usual
   */
  judge(
    series: Series,
    now: number,
    weight: number,
    policy: VolumePolicy | undefined,
  ): Finding | undefined {
    this.#turn(now);
    this.#catchUp(series);
    const { window, cap, floor } = this.#policy;
    const elapsed = Math.max(0, (now - this.#since) / window);
    const sliding = (series.bytes + series.previous * Math.max(0, 1 - elapsed)) * weight;
    const evidence = {
      bytes: series.bytes,
      window,
      ...(weight === 1 ? {} : { novelty: weight }),
    };
    if (sliding > cap)
      return {
        rule: 'volume-cap',
        severity: 'high',
        score: round(sliding / cap),
        evidence: { ...evidence, cap },
      };
    const weighed = series.bytes * weight;
    if (policy === undefined || weighed < floor) return undefined;
    const compared = series.usual ?? (this.#history.size >= policy.samples ? this.#ofAll() : null);
    if (compared === null) return undefined;
    const score = robustScore(Math.log1p(weighed), compared);
    if (score <= policy.score) return undefined;
    return {
      rule: 'volume-score',
      severity: 'medium',
      score: round(score),
      evidence: { ...evidence, usual: Math.round(Math.expm1(compared.centre)) },
    };
  }

  #ofAll(): Usual {
    return (this.#usual ??= usual(this.#history, leastScale));
  }

  /** When a window is over. */
  #turn(now: number): void {
    const { window } = this.#policy;
    const since = Math.floor(now / window) * window;
    if (since <= this.#since) return;
    for (const series of this.#open) {
      if (series.bytes > 0) this.#history.push(Math.log1p(series.bytes));
      series.close(series.since + window);
    }
    this.#open.clear();
    this.#usual = undefined;
    this.#since = since;
  }

  /** A series that was not open when its windows ended. */
  #catchUp(series: Series): void {
    if (series.since === this.#since) return;
    const { window } = this.#policy;
    if (series.bytes > 0) series.close(series.since + window);
    if (series.since === this.#since) return;
    series.previous = 0;
    series.since = this.#since;
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
