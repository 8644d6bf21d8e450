/** An authority as `Host` gives it, ready to be compared. */
export interface HostReading {
  /** Lower case, no trailing dot; an IPv6 address in brackets and in its shortest form. */
  readonly hostname: string;
  readonly port: number | undefined;
}

const longestName = 255;
const namePattern = /^([a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*)\.?(?::([1-9]\d{0,4})?)?$/i;
const addressPattern = /^\[([\da-f:.]{2,45})\](?::([1-9]\d{0,4})?)?$/i;
const dottedQuad = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|\d\d?)(?:\.(?!$)|$)){4}$/;
const leadingZero = /(?:^|\.)0\d/;
/** A last label of digits, or in hex: resolvers take the whole for an IPv4 address (WHATWG URL §3.5). */
const numeric = /(?:^|\.)(?:\d+|0x[\da-f]*)$/i;

/**
 * Reads a Host field or an authority, more strictly than RFC 3986 §3.2.2: names of letters, digits,
 * `-` and `_`; IPv4 addresses in four decimal parts and no other notation; IPv6 in brackets without
 * a zone; a port from 1 to 65535, or an empty one, which is none (RFC 9110 §4.2.3). Userinfo, escapes, lists and white space are malformed.
 *
 * @returns undefined when the value is malformed
 */
export function parseHost(value: string): HostReading | undefined {
  if (value.length > longestName + ':65535'.length) return undefined;
  const [, name, digits] = namePattern.exec(value) ?? addressPattern.exec(value) ?? [];
  if (name === undefined || name.length > longestName) return undefined;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && port > 65535) return undefined;
  const hostname = value.startsWith('[') ? shortAddress(name) : plainName(name);
  return hostname === undefined ? undefined : { hostname, port };
}

function plainName(name: string): string | undefined {
  if (numeric.test(name) && (!dottedQuad.test(name) || leadingZero.test(name))) return undefined;
  return name.toLowerCase();
}

function shortAddress(address: string): string | undefined {
  return URL.parse(`http://[${address}]/`)?.hostname;
}
