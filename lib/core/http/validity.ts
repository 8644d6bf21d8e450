/**
 * What decides whether a stored answer may be used: worked out once, when it is stored, so that a hit only compares
 * numbers. Plain data (JSON-able); all times in milliseconds.
 */
export interface Validity {
  /** Wall-clock time at which the answer was received (RFC 9111 §4.2.3, response_time). */
  readonly received: number;
  /** Its age at that time (RFC 9111 §4.2.3, corrected_initial_age). */
  readonly initialAge: number;
  /** Its freshness lifetime (RFC 9111 §4.2.1); 0 is stale from the start. */
  readonly lifetime: number;
  /** For so long after its lifetime it may be used while it is fetched anew (RFC 5861 §3). */
  readonly staleWhileRevalidate: number;
  /** For so long after its lifetime it may be used when the origin fails (RFC 5861 §4). */
  readonly staleIfError: number;
  /** Never without asking the origin first: an unqualified `no-cache` (RFC 9111 §5.2.2.4). */
  readonly alwaysValidate: boolean;
  /** Never when stale: must-revalidate, proxy-revalidate, s-maxage or no-cache (RFC 9111 §4.2.4). */
  readonly neverStale: boolean;
  /** Nobody but the operator calls it fresh (`ttl`, heuristics): not for requests with credentials or cookies. */
  readonly assumed: boolean;
}
