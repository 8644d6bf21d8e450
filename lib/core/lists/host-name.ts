const longestName = 253;
const plainName = /^[a-z\d_-]{1,63}(?:\.[a-z\d_-]{1,63})*$/;
const nine = 0x39;
/** A last label of digits, or in hex: resolvers take the whole for an IPv4 address (WHATWG URL §3.5). */
const numeric = /(?:^|\.)(?:\d+|0x[\da-f]*)$/;
const dottedQuad = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const beyondAscii = /[^\0-\x7f]/;

/**
 * The one spelling in which hosts are compared: lower case, no trailing dot, punycode, IPv4 addresses in four decimal
 * parts, IPv6 addresses in their shortest form and without brackets.
 *
 * @returns undefined when it is no host
 */
export function plainHost(host: string): string | undefined {
  let name = host.toLowerCase();
  if (name.endsWith('.')) name = name.slice(0, -1);
  if (name.length > longestName) return undefined;
  if (!plainName.test(name)) {
    if (name.includes(':')) return inUrl(`[${name.replace(/^\[(.*)\]$/, '$1')}]`)?.slice(1, -1);
    name = beyondAscii.test(name) ? (inUrl(name) ?? '') : '';
    if (name.length > longestName || !plainName.test(name)) return undefined;
  }
  // Nearly all end in a label that begins with a letter.
  const last = name.charCodeAt(name.lastIndexOf('.') + 1);
  return last <= nine && numeric.test(name) ? inUrl(name) : name;
}

/** Whether a host in its one spelling is an IP literal: it has nothing below it. */
export function isAddress(host: string): boolean {
  const last = host.charCodeAt(host.length - 1);
  const maybe = (last >= 0x30 && last <= 0x39) || host.includes(':');
  return maybe && (host.includes(':') || dottedQuad.test(host));
}

function inUrl(host: string): string | undefined {
  // What would end the host in a URL is no part of one.
  return /[/?#\\@\s%]/.test(host) ? undefined : URL.parse(`http://${host}/`)?.hostname;
}
