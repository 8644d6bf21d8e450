import { quote } from '../core/options.ts';
import { Upstream } from '../core/upstream/upstream.ts';
import type { RouteReading } from './route-value.ts';

/** `sticky: true` gives all pools this one, which they share without harm. */
const sharedName = 'sekisho';

/** A name somebody has given to a cookie is meant for one pool: given twice it is a copy that was not finished. */
export class StickyNames {
  readonly #taken = new Map<string, { route: string; pool: object }>();

  /** @returns what is wrong with the name, if it is taken */
  add(route: string, reading: RouteReading): string | undefined {
    if (reading.kind === 'handler') return undefined;
    const { target, options } = reading;
    const pool = target instanceof Upstream ? target : options;
    const sticky = target instanceof Upstream ? target.pool.options.sticky : options.sticky;
    const name = typeof sticky === 'object' ? sticky.cookie : undefined;
    if (name === undefined || name === sharedName) return undefined;
    const before = this.#taken.get(name);
    if (before === undefined) this.#taken.set(name, { route, pool });
    if (before === undefined || before.pool === pool) return undefined;
    return `${quote(route)}: sticky.cookie: ${quote(name)} is the cookie of ${quote(before.route)} already; give each route a name of its own, or leave the name out`;
  }
}
