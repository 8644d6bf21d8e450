import { parseHost } from '../core/http/host.ts';

/** A domain with what is below it. */
export interface DomainPattern {
  /** As hosts are compared: lower case, punycode, IPv6 without brackets. */
  readonly name: string;
  /** `*.example.com` is only what is below. */
  readonly apex: boolean;
  readonly port: number | undefined;
}

const unwritable = /[\s%\\@?#/<>^|]/;
const withPort = /^(.*[^:]):(\d{1,5})$/;
const bareIpv6 = /^[\da-f.]*:[\da-f.]*:[\da-f:.]*$/i;
const prefix = /^(\*?\.)?(.+)$/;

/** Takes a host pattern apart, or says what is wrong with it: the remedy that goes behind the quoted pattern. */
export function readDomain(text: string): DomainPattern | string {
  if (unwritable.test(text)) return noHost;
  const [, wildcard = '', rest = ''] = prefix.exec(text) ?? [];
  if (rest.includes('*'))
    return "has a '*' inside; '*.example.com' is all below example.com, for other patterns use { host: /RegExp/ }";
  const [, host = rest, digits] = (bareIpv6.test(rest) ? null : withPort.exec(rest)) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (port === 0 || (port !== undefined && port > 65535)) return noHost;
  const name = canonicalHost(host);
  if (name === undefined) return noHost;
  if (wildcard !== '' && isAddress(name)) return 'is an address, which has no subdomains';
  return { name, apex: wildcard !== '*.', port };
}

/** Hosts as one and the same: `BÜCHER.example.`, `0x7f.1` and `[0::1]` are what a browser makes of them. */
function canonicalHost(text: string): string | undefined {
  const host = URL.parse(`http://${bareIpv6.test(text) ? `[${text}]` : text}/`)?.hostname;
  const reading = host === undefined ? undefined : parseHost(host);
  return reading && withoutBrackets(reading.hostname);
}

export function withoutBrackets(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

function isAddress(name: string): boolean {
  return name.includes(':') || /^\d+(?:\.\d+){3}$/.test(name);
}

const noHost =
  "is no host; use 'example.com' (subdomains are included), '*.example.com' (only they) or an IP address";
