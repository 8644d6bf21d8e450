import type { Link } from './link.ts';
import type { ChainEntry } from './report.ts';

export function entryOf({ index, name, role, mount, methods, depth }: Link): ChainEntry {
  return {
    index,
    name,
    role,
    path: mount.text,
    depth,
    ...(methods && { methods: [...methods] }),
  };
}
