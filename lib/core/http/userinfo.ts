/** An authority without credentials, and maybe a path: what stands before its end cannot be any. */
const plain = /^(?:[a-z][a-z\d+.-]*:\/\/)?(?:\[[^\]@]*\]|[^/?#@:\\[\]]*)(?::\d{1,5})?(?:[/?#]|$)/i;
const masked = /^([a-z][a-z\d+.-]*:\/+)?.*@/is;

/**
 * A request target as it may be shown: `user:password@` in front of a host becomes `***@`. Where the authority is malformed
 * all up to the last `@` is taken for credentials: they may have slashes in them that nobody has escaped.
 */
export function withoutUserinfo(target: string): string {
  if (target.startsWith('/') || !target.includes('@') || plain.test(target)) return target;
  return target.replace(masked, '$1***@');
}
