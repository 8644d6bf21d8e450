import type { Request } from 'express';
import { contextOf, type ServesClient } from '../core/context.ts';

/** More forward proxies behind one cache than anybody has: then nothing is answered in their place. */
const most = 16;

/**
 * Of whom the forward proxies behind a cache have told that they serve them. A cache that answers in the place of a
 * proxy must not answer those whom the proxy would refuse.
 */
export class ProxiedClients {
  readonly #serves: Set<ServesClient> = new Set();
  readonly #ownStore: boolean;
  /** A request has gone on before any proxy had told. */
  #awaited = false;

  /** @param ownStore what is in the store has come through this cache, so that a proxy has told already */
  constructor(ownStore: boolean) {
    this.#ownStore = ownStore;
  }

  /** Whether this request, if it is one to a forward proxy, may be answered with what others have fetched. */
  include(req: Request): boolean {
    const context = contextOf(req);
    if (!context.proxied) return true;
    (context.onProxyTakes ??= []).push(this.#learn);
    if (this.#serves.size === 0) {
      // Nothing is stored yet, but a second one could wait for the answer to the first.
      const first = !this.#awaited;
      this.#awaited = true;
      return this.#ownStore && first;
    }
    if (this.#serves.size > most) return false;
    for (const serves of this.#serves) if (!serves(req)) return false;
    return true;
  }

  readonly #learn = (serves: ServesClient): void => {
    if (this.#serves.size <= most) this.#serves.add(serves);
  };
}
