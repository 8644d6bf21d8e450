import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Engines } from './engines.ts';
import type { ScanSubject } from './scanner.ts';

/** Bodies that were clean, at 100 bytes each. */
const remembered = 10_000;

/**
 * What has been found clean, by its digest, and by which signatures: a body out of a cache, or one that everybody
 * downloads, is not scanned again until an engine has other signatures.
 */
export class KnownClean {
  readonly #engines: Engines;
  readonly #known: LRUCache<string, Known> = new LRUCache({ max: remembered });

  constructor(engines: Engines) {
    this.#engines = engines;
  }

  /** @returns under which a body is remembered: its bytes, how they are encoded, its URL where engines judge that, too */
  keyOf(
    pieces: readonly Buffer[],
    codings: readonly string[],
    { url, direction }: Pick<ScanSubject, 'url' | 'direction'>,
  ): string {
    const hash = createHash('sha256').update(codings.join());
    if (this.#engines.judgesUrl) hash.update(`\0${direction} ${url}`);
    hash.update('\0');
    for (const piece of pieces) hash.update(piece);
    return hash.digest('base64');
  }

  /** The engine that has found it clean, by the signatures it has now. */
  judgeOf(key: string): string | undefined {
    const known = this.#known.get(key);
    return known !== undefined && known.version === this.#engines.version
      ? known.engine
      : undefined;
  }

  /** @param version of all engines, before the scan: signatures that came meanwhile have not been asked */
  add(key: string, version: string | undefined, engine: string): void {
    if (version !== undefined && version === this.#engines.version)
      this.#known.set(key, { version, engine });
  }
}

interface Known {
  readonly version: string;
  readonly engine: string;
}
