/**
 * FNV-1a in 32 bits, from the last character of a host to its first and then on along the path, so that one walk gives
 * the hashes of all suffixes of the host and of all beginnings of the path.
 */
export function hashOn(hash: number, character: number): number {
  return Math.imul(hash ^ character, 0x01000193);
}

/** Spreads a hash over all 32 bits (the finaliser of MurmurHash3). */
export function spread(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** The hash of a host, continued over a path. */
export function hashOf(seed: number, host: string, path = ''): number {
  let hash = seed;
  for (let at = host.length - 1; at >= 0; at--) hash = hashOn(hash, host.charCodeAt(at));
  for (let at = 0; at < path.length; at++) hash = hashOn(hash, path.charCodeAt(at));
  return spread(hash);
}
