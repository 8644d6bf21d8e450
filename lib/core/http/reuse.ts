import { currentAge } from './age.ts';
import type { CacheControl } from './cache-control.ts';
import type { Validity } from './validity.ts';

/** What may be done with a stored answer. */
export type Reuse =
  | { readonly kind: 'fresh' }
  /** Stale, and the client will have it so: max-stale (RFC 9111 §5.2.1.2). */
  | { readonly kind: 'stale-allowed' }
  /** To be used at once, and fetched anew behind the client's back (RFC 5861 §3). */
  | { readonly kind: 'stale-while-revalidate' }
  /** Not before the origin has agreed; with `only-if-cached` that is a 504 (RFC 9111 §5.2.1.7). */
  | { readonly kind: 'validate'; readonly why: 'stale' | 'request' | 'no-cache' };

// A hit costs no object.
const fresh: Reuse = Object.freeze({ kind: 'fresh' });
const staleAllowed: Reuse = Object.freeze({ kind: 'stale-allowed' });
const staleWhileRevalidate: Reuse = Object.freeze({ kind: 'stale-while-revalidate' });
const validateStale: Reuse = Object.freeze({ kind: 'validate', why: 'stale' });
const validateForRequest: Reuse = Object.freeze({ kind: 'validate', why: 'request' });
const validateAlways: Reuse = Object.freeze({ kind: 'validate', why: 'no-cache' });

/** RFC 5861 §4: the answers that count as an error of the origin. */
const errorStatuses: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/**
 * Whether a stored answer may be used now (RFC 9111 §4.2).
 *
 * A client's `no-cache`, `max-age` and `min-fresh` are obeyed (§5.2.1), for an immutable answer, too: RFC 8246 §2 asks
 * clients not to reload needlessly, and leaves it to them to insist. `max-age=0` is a reload even in the millisecond in
 * which the answer came. `no-store` says nothing about what is stored already.
 *
 * @param directives what the request asks; undefined when it asks nothing, or that shall not count
 * @param now wall-clock milliseconds
 */
export function judgeReuse(
  validity: Validity,
  directives: CacheControl | undefined,
  now: number,
): Reuse {
  if (validity.alwaysValidate) return validateAlways;
  const age = currentAge(validity, now);
  const staleFor = age - validity.lifetime;
  if (directives !== undefined && refusesAge(directives, age, -staleFor)) return validateForRequest;
  if (staleFor < 0) return fresh;
  if (validity.neverStale) return validateStale;
  const accepted = acceptedStaleness(directives);
  if (accepted !== undefined && staleFor > accepted) return validateStale;
  if (staleFor < validity.staleWhileRevalidate) return staleWhileRevalidate;
  return directives?.maxStale === undefined ? validateStale : staleAllowed;
}

/**
 * Whether a stored answer may stand in for the origin's, which is an error or does not come.
 *
 * Within stale-if-error it may, however old the client would have it (RFC 5861 §4: "regardless of other freshness
 * information"); the client's own stale-if-error counts in place of the answer's. Without, it may when the origin could
 * not be reached at all (RFC 9111 §4.2.4) and the client has not asked for better. Never against must-revalidate,
 * proxy-revalidate, s-maxage or a no-cache of either side.
 *
 * @param disconnected no answer came; false for one that is an error
 */
export function mayUseOnError(
  validity: Validity,
  directives: CacheControl | undefined,
  now: number,
  disconnected: boolean,
): boolean {
  if (validity.alwaysValidate || directives?.noCache === true) return false;
  const age = currentAge(validity, now);
  const staleFor = age - validity.lifetime;
  if (staleFor >= 0 && validity.neverStale) return false;
  const allowed = directives?.staleIfError ?? validity.staleIfError;
  if (allowed > 0 && staleFor < allowed) return true;
  if (!disconnected) return false;
  if (directives !== undefined && refusesAge(directives, age, -staleFor)) return false;
  const accepted = acceptedStaleness(directives);
  return staleFor < 0 || accepted === undefined || staleFor <= accepted;
}

/** Whether an answer is an error for stale-if-error (RFC 5861 §4): 500, 502, 503 and 504. */
export function isErrorStatus(status: number): boolean {
  return errorStatuses.has(status);
}

function refusesAge(directives: CacheControl, age: number, freshFor: number): boolean {
  const { noCache, maxAge, minFresh } = directives;
  if (noCache) return true;
  if (maxAge !== undefined && (age > maxAge || maxAge === 0)) return true;
  return minFresh !== undefined && freshFor < minFresh;
}

/** How stale the client would have an answer at most; undefined when it does not say (RFC 9111 §5.2.1.1, §5.2.1.2). */
function acceptedStaleness(directives: CacheControl | undefined): number | undefined {
  if (directives === undefined) return undefined;
  return directives.maxStale ?? (directives.maxAge === undefined ? undefined : -1);
}
