import { hashOn, spread } from './hash.ts';
import { isAddress } from './host-name.ts';

const dot = 0x2e;
/** RFC 1035 §2.3.4: a name of 253 characters has no more labels. */
const mostLabels = 127;

/** A host and all it is below of, from itself to its top-level domain, with their hashes; used again for each lookup. */
export class HostSuffixes {
  readonly #seed: number;
  readonly #starts = new Uint8Array(mostLabels);
  readonly #hashes = new Int32Array(mostLabels);
  host = '';
  /** How many there are; number 0 is the host itself. */
  count = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** @param host in its one spelling */
  set(host: string): void {
    this.host = host;
    const whole = isAddress(host);
    let hash = this.#seed;
    let count = 0;
    for (let at = host.length - 1; at >= 0; at--) {
      const character = host.charCodeAt(at);
      if (character === dot && !whole) {
        this.#starts[count] = at + 1;
        this.#hashes[count++] = hash;
      }
      hash = hashOn(hash, character);
    }
    this.#starts[count] = 0;
    this.#hashes[count++] = hash;
    this.count = count;
  }

  startOf(number: number): number {
    return this.#starts[this.count - 1 - number] as number;
  }

  /** To be gone on with over a path. */
  rawHashOf(number: number): number {
    return this.#hashes[this.count - 1 - number] as number;
  }

  hashOf(number: number): number {
    return spread(this.rawHashOf(number));
  }
}
