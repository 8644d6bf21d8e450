import type { Chain } from './chain.ts';
import type { Link } from './link.ts';
import type { Mount } from './mount.ts';
import { ownValue, type Role } from './roles.ts';

/**
 * Handlers of these kinds behind the first one that may answer in front of them. The app's own count when they answer
 * all that would get there, and else when they are none of those that are put in front on purpose.
 */
export function* lateComers(
  chain: Chain,
  kinds: readonly Role[],
  isAccident: (own: Link) => boolean = () => false,
): Iterable<readonly [Link, Link]> {
  const answering = chain.links.filter(
    (one) => (mayAnswer.has(one.role) || answersItself(one)) && !isForAcme(one),
  );
  for (const link of chain.with(...kinds)) {
    const found = answering.find(
      (one) =>
        one.before(link) &&
        one.role !== link.role &&
        one.meets(link) &&
        (mayAnswer.has(one.role) || one.mount.covers(link.mount) || isAccident(one)),
    );
    if (found !== undefined) yield [link, found];
  }
}

/** Not a single page, such as a health check, whose lines nobody wants. */
export function isMoreThanAProbe(own: Link): boolean {
  return /[:*{]|\/\^/.test(own.mount.text) || !sendsPages(own);
}

/** Certificates are proven over plain HTTP (RFC 8555 §8.3), by files that nobody else asks for. */
function isForAcme({ mount }: Link): boolean {
  return mount.text.startsWith('/.well-known/acme-challenge');
}

/** Handlers that answer some requests by themselves and let others go on. */
const mayAnswer: ReadonlySet<Role> = new Set([
  'cache',
  'fallback',
  'foreign-cache',
  'foreign-forwarder',
  'forward-proxy',
  'forwarder',
  'gate',
  'https-redirect',
  'limiter',
  'page',
  'static',
  'url-filter',
]);

/** A function of somebody's own that takes no `next`. */
export function cannotGoOn(link: Link): boolean {
  return link.role === 'unknown' && answersItself(link);
}

function answersItself({ role, handler }: Link): boolean {
  if (role !== 'unknown' && role !== 'route') return false;
  const parameters = ownValue(handler, 'length');
  return parameters === 1 || parameters === 2;
}

/** It answers nothing, but asks for /index.html in place of a page, and that may well be forwarded. */
export function rewritesFor({ name }: Link, { everything }: Mount): boolean {
  return everything && name === 'connect-history-api-fallback';
}

export function sendsPages({ methods }: Link): boolean {
  return methods === undefined || methods.has('GET');
}
