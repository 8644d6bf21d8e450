import type { Chain } from './chain.ts';
import { asksFor, isDryRun } from './guarding.ts';
import type { ForwardWay, Link } from './link.ts';

/** A way of a forwarder, and the forwarder. */
export interface Passage extends ForwardWay {
  readonly link: Link;
}

/** A URL of a server that is behind a gate, and the path at which it can be had without. */
export interface WayAround {
  readonly guarded: Link;
  readonly guardedPath: string;
  readonly path: string;
}

interface Guarded {
  readonly link: Link;
  readonly path: string;
  readonly url: string;
}

/**
 * Looks for what a gate guards at a server, at other paths: two mounts that lead to one server, one of them without a gate.
 * What a path becomes the forwarders say themselves; a function of the user's is not asked, and where one decides nothing is
 * found.
 */
export class WaysAround {
  readonly #gates: readonly Link[];
  readonly #guarded: readonly Guarded[];

  constructor(chain: Chain, guarded: readonly Passage[]) {
    this.#gates = chain.with('gate').filter((gate) => !isDryRun(gate));
    this.#guarded = guarded.flatMap((passage) => {
      // Deep below: a way that leads to a part of it does not lead there.
      const path = pathsOf(passage).at(-1);
      return path === undefined
        ? []
        : urlsOf(passage, path).map((url) => ({ link: passage.link, path, url }));
    });
  }

  find(open: Passage): WayAround | undefined {
    const [root] = pathsOf(open);
    if (root === undefined) return undefined;
    for (const start of urlsOf(open, root)) {
      const base = start.replace(/\/$/, '');
      for (const { link, path: guardedPath, url } of this.#guarded) {
        if (!url.startsWith(`${base}/`) || !open.link.sharesMethods(link)) continue;
        const path = root.replace(/\/$/, '') + url.slice(base.length);
        if (!this.#isGated(open.link, path) && urlsOf(open, path).includes(url))
          return { guarded: link, guardedPath, path };
      }
    }
    return undefined;
  }

  #isGated(link: Link, path: string): boolean {
    return this.#gates.some(
      (gate) => gate.before(link) && asksFor(gate, link) && gate.mount.matches(path),
    );
  }
}

function pathsOf({ mount }: Passage): readonly string[] {
  return mount.everything ? ['/', '/sample/path'] : mount.samples;
}

/** Without those that a function of the user's has a hand in. */
function urlsOf({ link, way }: Passage, path: string): readonly string[] {
  const here = link.mount.rest(path);
  const host = way.host?.replace('*', 'sample');
  if (here === undefined) return [];
  try {
    const lead = link.forwarding?.lead({ host, ...here, original: path });
    return (lead?.urls ?? []).filter((url) => !url.includes('('));
  } catch {
    return [];
  }
}
