import { ProxyError } from '../core/errors.ts';
import type { ParsedTunnelOptions } from './tunnel-options.ts';

/** How many tunnels are open, and whose. */
export class TunnelCount {
  readonly #limits: Pick<ParsedTunnelOptions, 'maxPerUser' | 'maxTotal'>;
  readonly #byUser: Map<string, number> = new Map();
  #total = 0;

  constructor(limits: Pick<ParsedTunnelOptions, 'maxPerUser' | 'maxTotal'>) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /**
   * Counts one more.
   *
   * @returns to be called once when it has ended
   * @throws {ProxyError} ERR_SEKISHO_TUNNEL_LIMIT
   */
  begin(user: string): () => void {
    const { maxPerUser, maxTotal } = this.#limits;
    const own = this.#byUser.get(user) ?? 0;
    if (own >= maxPerUser) throw tooMany(`${user} has ${own} tunnels open (maxPerUser)`);
    if (this.#total >= maxTotal) throw tooMany(`${this.#total} tunnels are open (maxTotal)`);
    this.#byUser.set(user, own + 1);
    this.#total++;
    return () => {
      this.#total--;
      const left = (this.#byUser.get(user) ?? 1) - 1;
      if (left === 0) this.#byUser.delete(user);
      else this.#byUser.set(user, left);
    };
  }
}

function tooMany(detail: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_TUNNEL_LIMIT', { detail, headers: { 'Retry-After': '5' } });
}
