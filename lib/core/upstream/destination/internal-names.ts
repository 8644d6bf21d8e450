/**
 * Suffixes that lead nowhere but inside (RFC 6761, RFC 6762, RFC 7686, RFC 8375, ICANN's `internal` and its reserved
 * collisions, and what routers and Active Directory use). Whoever resolves them on the outside answers for somebody else.
 */
const internalSuffixes: ReadonlySet<string> = new Set([
  'corp',
  'home',
  'home.arpa',
  'internal',
  'intranet',
  'lan',
  'local',
  'localdomain',
  'localhost',
  'mail',
  'onion',
  'private',
]);

/** `localhost`, or a name below (RFC 6761 §6.3): this machine, whatever DNS says. */
export function isLocalhost(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost');
}

/** A name of one label, which resolvers complete by search domains, or below a suffix of local use. */
export function isInternalName(hostname: string): boolean {
  const last = hostname.lastIndexOf('.');
  if (last === -1) return true;
  return internalSuffixes.has(hostname.slice(last + 1)) || hostname.endsWith('.home.arpa');
}
