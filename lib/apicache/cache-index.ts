import type { IndexEntry } from '../cache/index.ts';

/** What is stored, by apicache's keys: path and query, and `$$appendKey=…` where the option adds something. */
export interface CacheIndex {
  readonly all: readonly string[];
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

const origin = /^[a-z]+:\/\/[^/]*/i;
const added = /^ (\[(?:"(?:[^"\\]|\\.)*",?)*\])/;

/** The name an entry has in apicache. Entries of several hosts, or variants of one URL, share it. */
export function nameOf({ key, url }: Pick<IndexEntry, 'key' | 'url'>): string {
  // Behind a space stands a second host, when there is one.
  const [path = ''] = url.replace(origin, '').split(' ', 1);
  const suffix = key.startsWith(url) ? added.exec(key.slice(url.length))?.[1] : undefined;
  if (suffix === undefined) return path;
  return `${path}$$appendKey=${(JSON.parse(suffix) as string[]).join(',')}`;
}

export function cacheIndex(lines: Iterable<IndexEntry>): CacheIndex {
  const all = new Set<string>();
  const groups = new Map<string, Set<string>>();
  for (const line of lines) {
    const name = nameOf(line);
    all.add(name);
    for (const group of line.groups) {
      // The group by which the engine finds all keys of one URL.
      if (group === `url ${line.url}`) continue;
      const names = groups.get(group);
      if (names === undefined) groups.set(group, new Set([name]));
      else names.add(name);
    }
  }
  return {
    all: [...all],
    groups: Object.fromEntries([...groups].map(([group, names]) => [group, [...names]])),
  };
}
