import { initialAge, parseAge, type ExchangeTimes } from './age.ts';
import type { CacheControl } from './cache-control.ts';
import { readCachingFields, type CachingFields } from './caching-fields.ts';
import { longestDelta } from './delta-seconds.ts';
import type { Fields } from './fields.ts';
import { assumedFreshness, statedLifetime, type FreshnessPolicy } from './freshness.ts';
import { storingRefusals, type StoringRefusal } from './storing-refusals.ts';
import type { Validity } from './validity.ts';

/**
 * A word of the origin's that the operator may declare void. `freshness` is s-maxage, max-age and Expires;
 * `must-revalidate` is proxy-revalidate and the part of s-maxage that forbids stale answers, too; with `set-cookie` the
 * answer is stored without its cookies.
 */
export type IgnorableWord =
  'no-store' | 'private' | 'no-cache' | 'freshness' | 'must-revalidate' | 'set-cookie';

/** What does not depend on one request. Times in milliseconds. */
export interface StoringPolicy extends FreshnessPolicy {
  /** Methods whose answers may be stored; only GET and POST ever are. @default ['GET', 'HEAD'] */
  readonly methods?: readonly string[];
  /** For answers that do not say, and were fresh when they came (RFC 5861 §3). @default 0 */
  readonly staleWhileRevalidate?: number;
  /** The same for RFC 5861 §4. @default 0 */
  readonly staleIfError?: number;
  /** How much longer what can be validated is kept. @default 86_400_000, a day */
  readonly keepForValidation?: number;
  /**
   * Words of the origin's that do not count. They do where the request has credentials or cookies: what may be one
   * user's own is never shared against the origin's word.
   * @default none
   */
  readonly ignore?: readonly IgnorableWord[];
}

export interface StoringRequest {
  readonly method: string;
  /** The URL it was made for, absolute; only POST needs it. */
  readonly url?: string;
  /** What it asks of caches; undefined when it says nothing, or that shall not count. */
  readonly directives: CacheControl | undefined;
  /** The origin sees an Authorization, or was told by a gate who the user is. */
  readonly credentials: boolean;
  /** It has cookies that may make the answer one user's own. */
  readonly cookies: boolean;
}

export interface StoringAnswer {
  readonly status: number;
  readonly fields: Fields;
}

/** What lets a stored answer be used: `validator` means that the origin is asked first, each time. */
export type StoredVia = 'explicit' | 'ttl' | 'heuristic' | 'validator';

export interface Stored {
  readonly store: true;
  readonly validity: Validity;
  readonly via: StoredVia;
  /** For so many milliseconds after its arrival the entry is of any use. */
  readonly keepFor: number;
  /** Lower-case names of the fields that must not be stored with it. */
  readonly withoutFields: readonly string[];
}

export interface NotStored {
  readonly store: false;
  readonly reason: StoringRefusal;
}

const refusals = Object.fromEntries(
  Object.keys(storingRefusals).map((reason) => [reason, Object.freeze({ store: false, reason })]),
) as Record<StoringRefusal, NotStored>;

const defaultMethods: readonly string[] = ['GET', 'HEAD'];
const nothingIgnored: readonly IgnorableWord[] = [];
const noFields: readonly string[] = [];
const defaultKeeping = 86_400_000;

/** The final statuses of RFC 9110 §15 that may be stored whole: those whose requirements are implemented here. */
// prettier-ignore
const understoodStatuses: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409,
  410, 411, 413, 414, 415, 417, 421, 422, 426, 500, 501, 502, 503, 504, 505,
]);

/**
 * Whether a shared cache may store an answer (RFC 9111 §3), for how long it is of use, and without which of its fields.
 * What is stored of a POST is the answer to GET.
 *
 * What the answer states of its freshness counts before what the policy assumes. What is never fresh is stored only
 * with a validator. For requests with credentials or cookies nothing is assumed unless the answer is `public`, and for
 * cookies not even then; and since another user's validator may well match (two pages last modified in the same
 * second), such an answer must be fresh, or else meant for all by `public` or s-maxage; with credentials an ETag will do.
 */
export function judgeStoring(
  request: StoringRequest,
  answer: StoringAnswer,
  policy: StoringPolicy,
  times: ExchangeTimes,
): Stored | NotStored {
  const { status } = answer;
  const { credentials, cookies } = request;
  const early = methodRefusal(request.method, policy) ?? statusRefusal(status, policy);
  if (early !== undefined) return refusals[early];
  if (request.directives?.noStore === true) return refusals['request-no-store'];

  const caching = readCachingFields(answer.fields, times.received);
  const { control } = caching;
  const ignore = credentials || cookies ? nothingIgnored : (policy.ignore ?? nothingIgnored);
  const withoutFields = fieldsToLeaveOut(control, ignore);
  const refusal = wordRefusal(status, caching, withoutFields, ignore);
  if (refusal !== undefined) return refusals[refusal];
  const forAll = control.public || (control.sMaxAge ?? 0) > 0;
  if (credentials && !forAll && !control.mustRevalidate) return refusals.authorization;

  const { received } = times;
  const age = initialAge(parseAge(caching.age), caching.date, times);
  const stated = ignore.includes('freshness') ? undefined : statedLifetime(caching, received);
  const mayAssume = stated === undefined && !cookies && (!credentials || control.public);
  const assumed = mayAssume ? assumedFreshness(status, caching, policy, received) : undefined;
  const lifetime = stated ?? assumed?.lifetime ?? 0;
  const alwaysValidate = control.noCache && !ignore.includes('no-cache');
  const neverStale = alwaysValidate || forbidsStale(control, ignore);
  const fresh = lifetime > age && !alwaysValidate;
  const hasValidator = caching.hasEtag || caching.lastModified !== undefined;

  if (
    request.method === 'POST' &&
    !(stated !== undefined && fresh && isItsOwn(request, answer, caching))
  )
    return refusals.method;
  if (cookies && !forAll && !fresh) return refusals.cookie;
  if (credentials && !forAll && !fresh && !caching.hasEtag) return refusals.authorization;

  // The policy's allowances are for what was once fresh here: `max-age=0` is a word of the origin's.
  const defaults = fresh ? policy : undefined;
  const revalidating = neverStale
    ? 0
    : (control.staleWhileRevalidate ?? defaults?.staleWhileRevalidate ?? 0);
  const onError = neverStale ? 0 : (control.staleIfError ?? defaults?.staleIfError ?? 0);
  const validity: Validity = {
    received,
    initialAge: age,
    lifetime,
    staleWhileRevalidate: Math.min(longestDelta, revalidating),
    staleIfError: Math.min(longestDelta, onError),
    alwaysValidate,
    neverStale,
    assumed: assumed !== undefined,
  };
  const usable = usableFor(validity);
  const keepFor = usable + (hasValidator ? (policy.keepForValidation ?? defaultKeeping) : 0);
  if (stated === undefined && !(lifetime > 0) && !hasValidator) return refusals['no-freshness'];
  if (keepFor <= 0)
    return refusals[
      alwaysValidate ? 'no-cache' : stated === undefined ? 'no-freshness' : 'expired'
    ];
  const via = usable > 0 ? (assumed?.via ?? 'explicit') : 'validator';
  return { store: true, validity, via, keepFor, withoutFields };
}

function methodRefusal(method: string, policy: StoringPolicy): StoringRefusal | undefined {
  const { methods = defaultMethods } = policy;
  const storable = method === 'GET' || method === 'POST';
  return storable && methods.includes(method) ? undefined : 'method';
}

function statusRefusal(status: number, { statuses }: StoringPolicy): StoringRefusal | undefined {
  if (status >= 100 && status < 200) return 'interim';
  if (status === 206) return 'partial';
  if (status === 304) return 'not-modified';
  if (status === 412 || status === 416) return 'precondition';
  if (!(status >= 200 && status <= 599)) return 'status';
  if (statuses?.include?.includes(status) === false) return 'status';
  return statuses?.exclude?.includes(status) === true ? 'status' : undefined;
}

function wordRefusal(
  status: number,
  { control, variesByAnything, setsCookie }: CachingFields,
  withoutFields: readonly string[],
  ignore: readonly IgnorableWord[],
): StoringRefusal | undefined {
  if (control.mustUnderstand) {
    // Where the status is understood a no-store beside it is for older caches (RFC 9111 §5.2.2.3).
    if (!understoodStatuses.has(status)) return 'must-understand';
  } else if (control.noStore && !ignore.includes('no-store')) return 'no-store';
  if (control.private && !ignore.includes('private')) return 'private';
  if (variesByAnything) return 'vary-any';
  return setsCookie && !withoutFields.includes('set-cookie') ? 'set-cookie' : undefined;
}

/** What is said of single fields only (RFC 9111 §5.2.2.4, §5.2.2.7) is obeyed by not storing these. */
function fieldsToLeaveOut(
  control: CacheControl,
  ignore: readonly IgnorableWord[],
): readonly string[] {
  const { noCacheFields, privateFields } = control;
  if (noCacheFields.length + privateFields.length + ignore.length === 0) return noFields;
  return [
    ...(ignore.includes('no-cache') ? noFields : noCacheFields),
    ...(ignore.includes('private') ? noFields : privateFields),
    ...(ignore.includes('set-cookie') ? ['set-cookie'] : noFields),
  ];
}

/** RFC 9111 §4.2.4; s-maxage has proxy-revalidate within it (§5.2.2.10). */
function forbidsStale(control: CacheControl, ignore: readonly IgnorableWord[]): boolean {
  if (ignore.includes('must-revalidate')) return false;
  const shared = control.sMaxAge !== undefined && !ignore.includes('freshness');
  return control.mustRevalidate || control.proxyRevalidate || shared;
}

/** For how long after its arrival an answer may be used without the origin's consent. */
function usableFor(validity: Validity): number {
  if (validity.alwaysValidate) return 0;
  const stale = Math.max(validity.staleWhileRevalidate, validity.staleIfError);
  return Math.max(0, validity.lifetime + stale - validity.initialAge);
}

/** The answer to a POST is one to GET when it says that it is the resource itself (RFC 9110 §9.3.3). */
function isItsOwn(
  request: StoringRequest,
  answer: StoringAnswer,
  { contentLocation }: CachingFields,
): boolean {
  const [location] = contentLocation;
  if (answer.status !== 200 || location === undefined || contentLocation.length > 1) return false;
  const target = request.url === undefined ? null : URL.parse(request.url);
  return target !== null && URL.parse(location, target.href)?.href === target.href;
}
