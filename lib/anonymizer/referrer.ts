import { addressClass, parseAddress } from '../core/http/address.ts';
import { isInternalName } from '../core/upstream/destination/internal-names.ts';

/** What becomes of Referer. */
export type RefererMode = 'origin' | 'drop' | 'keep';

/**
 * Referer without path and query (W3C Referrer Policy, `origin`).
 *
 * @returns undefined when nothing may be said: it is no http URL, or a page on the inside
 */
export function refererOrigin(value: string): string | undefined {
  const url = webUrl(value);
  return url === undefined || isInside(url) ? undefined : `${url.origin}/`;
}

/** Origin names a page on the inside: what sites are told then is that there is none to tell (RFC 6454 §7.3). */
export function namesInside(origin: string): boolean {
  const url = webUrl(origin);
  return url !== undefined && isInside(url);
}

function webUrl(value: string): URL | undefined {
  const url = URL.parse(value) ?? undefined;
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
}

function isInside({ hostname }: URL): boolean {
  const address = parseAddress(hostname.replace(/^\[|\]$/g, ''));
  if (address !== undefined) return addressClass(address) !== 'public';
  return isInternalName(hostname.replace(/\.$/, ''));
}
