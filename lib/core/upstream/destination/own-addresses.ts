import { networkInterfaces } from 'node:os';
import { addressClass, parseAddress, type Address } from '../../http/address.ts';
import { clock } from '../../clock.ts';

/** Interfaces come and go (VPNs, containers), but not between two requests (milliseconds). */
const freshFor = 10_000;

/** The addresses at which this machine reaches itself. What a NAT in front of it makes of them, it cannot know. */
export class OwnAddresses {
  #known: ReadonlySet<string> = new Set();
  #until = Number.NEGATIVE_INFINITY;

  has(address: Address): boolean {
    const kind = addressClass(address);
    if (kind === 'loopback' || kind === 'unspecified') return true;
    const now = clock.monotonic();
    if (now >= this.#until) {
      this.#until = now + freshFor;
      this.#known = interfaceAddresses();
    }
    return this.#known.has(address.text);
  }
}

function interfaceAddresses(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces())
      .flatMap((interfaces) => interfaces ?? [])
      .map(({ address }) => parseAddress(address.split('%', 1)[0] ?? '')?.text ?? ''),
  );
}
