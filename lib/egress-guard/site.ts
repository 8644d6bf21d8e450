import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';
import { parse } from 'tldts';

/** A host as the guard counts it. */
export interface Site {
  readonly hostname: string;
  /**
   * The registrable domain: what one owner has, by the Public Suffix List with its private part, so that each customer
   * of a hosting service is one. The host itself when there is none: an address, `intranet`.
   */
  readonly domain: string;
  /** What stands in front of the domain; empty when nothing does. */
  readonly subdomain: string;
  readonly isAddress: boolean;
}

const remembered = 4096;

/** Reads host names, and remembers the last ones: the same come again and again. */
export class Sites {
  readonly #known = new LRUCache<string, Site>({ max: remembered });

  of(hostname: string): Site {
    let site = this.#known.get(hostname);
    if (site === undefined) {
      site = siteOf(hostname);
      this.#known.set(hostname, site);
    }
    return site;
  }
}

export function siteOf(hostname: string): Site {
  if (ipaddr.isValid(hostname))
    return { hostname, domain: hostname, subdomain: '', isAddress: true };
  const { domain, subdomain } = parse(hostname, {
    allowPrivateDomains: true,
    extractHostname: false,
    validateHostname: false,
  });
  return {
    hostname,
    domain: domain ?? hostname,
    subdomain: domain === null ? '' : (subdomain ?? ''),
    isAddress: false,
  };
}

/** Who sends, when nobody has logged in: an IPv4 address, or the /64 network that one subscriber has (RFC 6177). */
export function subscriberOf(address: string | undefined): string {
  if (address?.includes(':') !== true) return address ?? '';
  try {
    const parsed = ipaddr.process(address.split('%', 1)[0] as string);
    if (parsed.kind() === 'ipv4') return parsed.toString();
    const network = (parsed as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
    return `${network.join(':')}::/64`;
  } catch {
    return address;
  }
}
