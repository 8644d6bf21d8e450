import type { Chain } from './chain.ts';
import type { Link } from './link.ts';
import type { Mount } from './mount.ts';

/** A gate before it refuses those who may not, whatever the path and the method. */
export function isGuarded(chain: Chain, link: Link, mount: Mount): boolean {
  return chain
    .with('gate')
    .some(
      (gate) =>
        gate.before(link) && !isDryRun(gate) && asksFor(gate, link) && gate.mount.covers(mount),
    );
}

/** It is asked for every method that gets to the other one. */
export function asksFor({ methods: own }: Link, { methods }: Link): boolean {
  if (own === undefined) return true;
  return methods !== undefined && [...methods].every((method) => own.has(method));
}

export function isDryRun({ options }: Link): boolean {
  return options.dryRun === true;
}
