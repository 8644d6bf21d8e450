import { DistinctCounter } from './distinct.ts';
import { entropy } from './entropy.ts';
import type { Finding } from './rules.ts';

export interface TunnelPolicy {
  /** Distinct names below one domain within the window. */
  readonly names: number;
  /** Bits per character of what stands in front of the domain, on average. */
  readonly entropy: number;
  /** Milliseconds. */
  readonly window: number;
}

/** Shorter names carry no data worth the effort. */
const shortest = 12;

/**
 * The names below one registrable domain that were asked for. Whoever tunnels through DNS puts data into names, and each of them
 * is new: many distinct ones, long, without the pattern of words (Born and Gustafson 2010; RITA's "exploded DNS").
 */
export class Subdomains {
  readonly #names = new DistinctCounter();
  #since = -Infinity;
  #counted = 0;
  #bits = 0;
  #characters = 0;

  /** @returns what is to be said of this domain now */
  add(subdomain: string, now: number, policy: TunnelPolicy): Finding | undefined {
    if (now - this.#since >= policy.window) this.#restart(now);
    if (subdomain.length >= shortest && this.#names.add(subdomain)) {
      this.#counted++;
      this.#bits += entropy(subdomain);
      this.#characters += subdomain.length;
    }
    if (this.#counted < policy.names / 2) return undefined;
    const names = this.#names.count;
    const bits = this.#bits / this.#counted;
    if (names < policy.names || bits < policy.entropy) return undefined;
    return {
      rule: 'dns-tunnel',
      severity: 'high',
      score: round(names / policy.names),
      evidence: {
        names,
        entropy: round(bits),
        length: Math.round(this.#characters / this.#counted),
      },
    };
  }

  #restart(now: number): void {
    this.#since = now;
    this.#names.clear();
    this.#counted = 0;
    this.#bits = 0;
    this.#characters = 0;
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
