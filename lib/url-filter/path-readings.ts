import { pathBytes, readPath } from '../core/http/path.ts';

const escaped = /%[\da-f]{2}/gi;
const cutMarks = /[\0?#]/;

/**
 * The ways in which servers may read a path: as it is, decoded once and not resolved, as the most eager one does, and
 * that cut short where a decoded NUL, `?` or `#` may end it.
 */
export function pathReadings(path: string): readonly string[] {
  const bytes = pathBytes(path);
  const decoded = bytes
    .replace(escaped, (escape) => String.fromCharCode(parseInt(escape.slice(1), 16)))
    .replaceAll('\\', '/');
  const { canonical } = readPath(path);
  const cut = canonical.search(cutMarks);
  const readings = new Set([bytes, decoded, canonical]);
  if (cut !== -1) readings.add(canonical.slice(0, cut));
  return [...readings];
}
