import { specialBlocks, type AddressClass } from './special-addresses.ts';

export type { AddressClass };

/** An IP address as numbers: two groups of 16 bits for IPv4, eight for IPv6. */
export interface Address {
  /** In its shortest form, lower case; an IPv4-mapped one (RFC 4291 §2.5.5.2) is the IPv4 address it stands for. */
  readonly text: string;
  readonly groups: readonly number[];
}

/** A block of addresses in CIDR notation. */
export interface Network {
  readonly text: string;
  readonly groups: readonly number[];
  readonly bits: number;
}

const quad = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const longestAddress = '0000:0000:0000:0000:0000:ffff:255.255.255.255'.length;
const addressLetters = /^[\da-f:.]+$/i;

/** Reads an IPv4 address in four decimal parts, or an IPv6 address without brackets and zone; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > longestAddress) return undefined;
  if (quad.test(text)) return { text, groups: quadGroups(text) };
  if (!text.includes(':') || !addressLetters.test(text)) return undefined;
  const short = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
  if (short === undefined) return undefined;
  const groups = longGroups(short);
  return isMapped(groups) ? addressOf(groups.slice(6)) : { text: short, groups };
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; undefined when it is none, or names a host inside of the block. */
export function parseNetwork(text: string): Network | undefined {
  const [, base = text, digits] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (address === undefined) return undefined;
  const { groups } = address;
  const length = groups.length * 16;
  const bits = digits === undefined ? length : Number(digits);
  // A block around mapped addresses would never match: they count as IPv4.
  if (bits > length || (digits !== undefined && base.includes(':') && groups.length === 2))
    return undefined;
  const network = { text: `${address.text}/${bits}`, groups, bits };
  return hasHostBits(network) ? undefined : network;
}

export function isWithin(address: Address, { groups, bits }: Network): boolean {
  if (address.groups.length !== groups.length) return false;
  const whole = bits >> 4;
  for (let index = 0; index < whole; index++)
    if (address.groups[index] !== groups[index]) return false;
  const rest = bits & 15;
  if (rest === 0) return true;
  const mask = 0xffff << (16 - rest);
  return ((address.groups[whole] as number) & mask) === ((groups[whole] as number) & mask);
}

/**
 * The IPv4 addresses that a packet to this IPv6 address ends up at, or comes by: NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056),
 * Teredo's server and client (RFC 4380 §4), ISATAP (RFC 5214 §6.1).
 */
export function embeddedAddresses({ groups }: Address): readonly Address[] {
  const [a, b, c, d, e, f] = groups;
  if (groups.length !== 8) return none;
  if (a === 0x64 && b === 0xff9b && groups.slice(2, 6).every((group) => group === 0))
    return [addressOf(groups.slice(6))];
  if (a === 0x2002) return [addressOf([b as number, c as number])];
  if (a === 0x2001 && b === 0)
    return [
      addressOf([c as number, d as number]),
      addressOf(groups.slice(6).map((group) => group ^ 0xffff)),
    ];
  if ((e === 0 || e === 0x200) && f === 0x5efe) return [addressOf(groups.slice(6))];
  return none;
}

/**
 * What an address is for. `public` is what remains of the IPv4 space and of 2000::/3 without all blocks of the IANA
 * special-purpose registries (RFC 6890), and an address with an IPv4 address inside of it when that one is public.
 */
export function addressClass(address: Address): AddressClass {
  const blocks = address.groups.length === 2 ? specialIpv4 : specialIpv6;
  const kind = blocks.find(({ network }) => isWithin(address, network))?.kind ?? 'public';
  if (kind !== 'public' && kind !== 'carrier') return kind;
  for (const inside of embeddedAddresses(address)) {
    const innerKind = addressClass(inside);
    if (innerKind !== 'public') return innerKind;
  }
  return 'public';
}

function addressOf(groups: readonly number[]): Address {
  const [high = 0, low = 0] = groups;
  return { text: [high >> 8, high & 255, low >> 8, low & 255].join('.'), groups: [high, low] };
}

function quadGroups(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [(a << 8) | b, (c << 8) | d];
}

/** The eight groups of an address that the URL parser has written. */
function longGroups(short: string): number[] {
  const [head = '', tail] = short.split('::');
  const left = hexGroups(head);
  if (tail === undefined) return left;
  const right = hexGroups(tail);
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function hexGroups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

function hasHostBits({ groups, bits }: Network): boolean {
  return groups.some((group, index) => {
    const own = Math.min(16, Math.max(0, bits - index * 16));
    return (group & (0xffff >> own)) !== 0;
  });
}

const none: readonly Address[] = [];

const specialNetworks = specialBlocks.map(([block, kind]) => ({
  network: parseNetwork(block) as Network,
  kind,
}));
const specialIpv4 = specialNetworks.filter(({ network }) => network.groups.length === 2);
const specialIpv6 = specialNetworks.filter(({ network }) => network.groups.length === 8);
