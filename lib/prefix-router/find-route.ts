import { isPlainPath, readPath, type PathDoubt } from '../core/http/path.ts';
import type { RouteKey } from './key.ts';
import type { HostRoutes, RouteTable } from './route-table.ts';

/** Where some readers end a path: a NUL, and a `?` or `#` that came out of an escape. */
const cutMarks = /[\0?#]/;
/** Cut there, the segment is a dot segment. */
const cutDots = /\/\.\.?[\0?#]/;
/** Inside a parameter these may be taken off with it, or end it. */
const withinParameters: ReadonlySet<PathDoubt> = new Set<PathDoubt>([
  'encoded-slash',
  'backslash',
  'nul',
  'encoded-delimiter',
  'fragment',
]);

/**
 * The route of a path, or why the path must not be routed. A path that servers may read differently
 * passes only when every reading leads to the same route and none climbs out of its prefix.
 *
 * Three readings stand for all: the path as it is, its canonical form, and that cut short. Prefixes
 * are plain, so each step of decoding, collapsing or stripping can only make a longer prefix match,
 * never another one: what lies between two readings with the same route has that route as well. What
 * breaks this order (`..` beside anything else, a slash inside a parameter) is refused as it is.
 */
export function findRoute<Route extends { readonly key: RouteKey }>(
  table: RouteTable<Route>,
  path: string,
  hosts: HostRoutes<Route>,
): Route | undefined | 'ambiguous' {
  const route = table.find(path, hosts);
  if (isPlainPath(path)) return route;

  const { canonical, suspicious } = readPath(path);
  if (suspicious.length === 0) return route;
  if (isTangled(canonical, suspicious)) return 'ambiguous';
  if (table.find(canonical, hosts) !== route) return 'ambiguous';

  const cut = canonical.search(cutMarks);
  if (cut !== -1 && table.find(canonical.slice(0, cut), hosts) !== route) return 'ambiguous';

  if (route === undefined || !suspicious.includes('dot-segment')) return route;
  return climbsOut(path.slice(route.key.prefix.length)) ? 'ambiguous' : route;
}

/** Whether readings exist that none of the three stands for. */
function isTangled(canonical: string, suspicious: readonly PathDoubt[]): boolean {
  if (suspicious.includes('dot-segment') && suspicious.length > 1) return true;
  if (cutDots.test(canonical)) return true;
  return (
    suspicious.includes('path-parameter') && suspicious.some((doubt) => withinParameters.has(doubt))
  );
}

function climbsOut(rest: string): boolean {
  return readPath(rest).suspicious.includes('above-root');
}
