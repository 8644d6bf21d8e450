import type { CachingFields } from './caching-fields.ts';
import { longestDelta } from './delta-seconds.ts';
import { parseHttpDate } from './http-date.ts';

/** How long an answer is fresh that does not say so itself. Times in milliseconds. */
export interface FreshnessPolicy {
  /**
   * For answers that state none, of the statuses 200, 203, 204, 300, 301, 308, 404 and 410 and of those the policy
   * includes by name. Not for 401, 407 and 5xx: only `negativeTtl` can name these.
   * @default none
   */
  readonly ttl?: number;
  /** The same by status, instead of `ttl` and heuristics. @default none */
  readonly negativeTtl?: Readonly<Record<number, number>>;
  /**
   * A share of the time since an answer was last changed, at most `most` (RFC 9111 §4.2.2), for heuristically cacheable
   * statuses and for what is `public`. Counts before `ttl`.
   * @default false
   */
  readonly heuristics?: false | { readonly share: number; readonly most: number };
  /**
   * The statuses that may be stored at all: only those included, when there are such, and never those excluded.
   * @default all
   */
  readonly statuses?: {
    readonly include?: readonly number[];
    readonly exclude?: readonly number[];
  };
}

export interface AssumedFreshness {
  readonly lifetime: number;
  readonly via: 'ttl' | 'heuristic';
}

/** Heuristically cacheable (RFC 9110 §15.1), less 206, which this module never judges. */
const heuristicStatuses: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);
/** Those of them that tell of the resource, rather than of the request or the moment. */
const ttlStatuses: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 410]);

/**
 * The freshness lifetime an answer states: s-maxage before max-age before Expires − Date (RFC 9111 §4.2.1).
 * An Expires that is no date is in the past; of several lines the stricter counts.
 *
 * @param received the time that stands in for a missing or unreadable Date
 * @returns undefined when it states none
 */
export function statedLifetime(answer: CachingFields, received: number): number | undefined {
  const { sMaxAge, maxAge } = answer.control;
  if (sMaxAge !== undefined) return sMaxAge;
  if (maxAge !== undefined) return maxAge;
  if (answer.expires.length === 0) return undefined;
  const date = answer.date ?? received;
  let lifetime = longestDelta;
  for (const line of answer.expires) {
    const expires = parseHttpDate(line, received);
    lifetime = Math.min(lifetime, expires === undefined ? 0 : Math.max(0, expires - date));
  }
  return lifetime;
}

/** The freshness lifetime of an answer that states none; undefined when the policy allows none, either. */
export function assumedFreshness(
  status: number,
  answer: CachingFields,
  policy: FreshnessPolicy,
  received: number,
): AssumedFreshness | undefined {
  const named = policy.negativeTtl?.[status];
  if (named !== undefined) return { lifetime: capped(named), via: 'ttl' };
  const heuristic = heuristicLifetime(status, answer, policy, received);
  if (heuristic > 0) return { lifetime: heuristic, via: 'heuristic' };
  if (policy.ttl === undefined || !mayHaveTtl(status, policy)) return undefined;
  return { lifetime: capped(policy.ttl), via: 'ttl' };
}

function heuristicLifetime(
  status: number,
  answer: CachingFields,
  policy: FreshnessPolicy,
  received: number,
): number {
  const { heuristics = false } = policy;
  if (heuristics === false || answer.lastModified === undefined) return 0;
  if (!heuristicStatuses.has(status) && !answer.control.public) return 0;
  const unchanged = (answer.date ?? received) - answer.lastModified;
  return capped(Math.min(heuristics.most, Math.max(0, unchanged * heuristics.share)));
}

function mayHaveTtl(status: number, policy: FreshnessPolicy): boolean {
  if (ttlStatuses.has(status)) return true;
  const refusable = status === 401 || status === 407 || status >= 500;
  return !refusable && policy.statuses?.include?.includes(status) === true;
}

function capped(lifetime: number): number {
  return Math.min(longestDelta, Math.floor(lifetime));
}
