import { canonicalHost } from '../../http/destination.ts';
import {
  embeddedAddresses,
  isWithin,
  parseAddress,
  parseNetwork,
  type Address,
  type Network,
} from '../../http/address.ts';

/** A name, with all below or only those below; or a block of addresses. */
export type DestinationEntry =
  { readonly name: string; readonly onlyBelow: boolean } | { readonly network: Network };

/**
 * Reads `example.com` (and every name below; `.example.com` is the same), `*.example.com` (only the names below),
 * `192.0.2.1`, `2001:db8::/32`; undefined when it is none of these.
 */
export function parseDestinationEntry(text: string): DestinationEntry | undefined {
  const network = parseNetwork(text.replace(/^\[(.*)\]$/, '$1'));
  if (network !== undefined) return { network };
  const onlyBelow = text.startsWith('*.');
  const name = canonicalHost(text.replace(/^\*?\./, ''));
  // Other spellings of addresses (`0x7f.1`) are no names.
  if (name === undefined || name.startsWith('[') || parseAddress(name) !== undefined)
    return undefined;
  return { name, onlyBelow };
}

/** Destinations by name and by address. */
export class DestinationList {
  readonly #names = new Set<string>();
  /** Of names of which only those below are meant. */
  readonly #parents = new Set<string>();
  readonly #networks: Network[] = [];

  constructor(entries: readonly DestinationEntry[]) {
    for (const entry of entries)
      if ('network' in entry) this.#networks.push(entry.network);
      else (entry.onlyBelow ? this.#parents : this.#names).add(entry.name);
  }

  get hasNetworks(): boolean {
    return this.#networks.length > 0;
  }

  /** @param hostname canonical */
  hasName(hostname: string): boolean {
    if (this.#names.size === 0 && this.#parents.size === 0) return false;
    if (this.#names.has(hostname)) return true;
    for (let dot = hostname.indexOf('.'); dot !== -1; dot = hostname.indexOf('.', dot + 1)) {
      const parent = hostname.slice(dot + 1);
      if (this.#names.has(parent) || this.#parents.has(parent)) return true;
    }
    return false;
  }

  /** The address, or an IPv4 address inside of it, is in one of the blocks. */
  hasAddress(address: Address): boolean {
    return (
      this.#networks.some((network) => isWithin(address, network)) ||
      (this.hasNetworks && embeddedAddresses(address).some((inside) => this.hasAddress(inside)))
    );
  }

  /** The address by itself is an entry, not only a part of a block. */
  namesAddress(address: Address): boolean {
    const whole = address.groups.length * 16;
    return this.#networks.some((network) => network.bits === whole && isWithin(address, network));
  }
}
