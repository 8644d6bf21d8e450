/** What a cache did, from its member of `Cache-Status` (RFC 9211 §2). */
export type CacheResult = 'hit' | 'stale' | 'revalidated' | 'miss' | 'bypass';

export function cacheResult(member: string): CacheResult {
  const reason = /; fwd=([a-z-]+)/.exec(member)?.[1];
  if (reason === undefined) return member.includes('; ttl=-') ? 'stale' : 'hit';
  if (reason === 'bypass' || reason === 'method') return 'bypass';
  if (reason === 'stale' || reason === 'request')
    return /; fwd-status=304\b/.test(member) ? 'revalidated' : 'miss';
  return 'miss';
}
