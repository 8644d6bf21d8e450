import type { PathDoubt } from '../core/http/path.ts';

const escaped = /%[\da-f]{2}/gi;
const unreserved = /[\w.~-]/;
const slashes = /\/{2,}/g;

/**
 * Writes a path as everybody reads it, where everybody reads it alike: needless escapes are taken out, repeated
 * slashes become one, dot segments are resolved (RFC 3986 §6.2.2.2, §6.2.2.3). All other bytes stay as they are, and
 * a dot segment beside any other doubt stays, too: what it leads to depends on who reads first.
 */
export function tidyPath(
  path: string,
  suspicious: readonly PathDoubt[],
  allowed: ReadonlySet<PathDoubt>,
): string {
  if (suspicious.includes('dot-segment') && !allowed.has('dot-segment'))
    return suspicious.length === 1 ? withoutDots(path) : path;
  let tidy = path;
  if (suspicious.includes('encoded-unreserved') && !allowed.has('encoded-unreserved'))
    tidy = tidy.replace(escaped, (escape) => {
      const char = String.fromCharCode(parseInt(escape.slice(1), 16));
      return unreserved.test(char) ? char : escape;
    });
  if (suspicious.includes('double-slash') && !allowed.has('double-slash'))
    tidy = tidy.replace(slashes, '/');
  return tidy;
}

/** RFC 3986 §5.2.4, for a path that starts with a slash and climbs no higher than it has come. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  let open = false;
  for (const segment of path.slice(1).split('/')) {
    open = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    else if (!open) kept.push(segment);
  }
  return `/${kept.join('/')}${open && kept.length > 0 ? '/' : ''}`;
}
