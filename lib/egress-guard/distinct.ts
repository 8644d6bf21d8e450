/** More values than these are counted by estimate. */
const exact = 24;
/** HyperLogLog with 2^8 registers: a standard error of 1.04 / √256, 6.5 % (Flajolet et al. 2007). */
const registerBits = 8;
const registerCount = 1 << registerBits;
const bias = 0.7213 / (1 + 1.079 / registerCount);

/** How many different texts were there, in bounded memory: exactly while they are few, estimated beyond that. */
export class DistinctCounter {
  #hashes: Set<number> | undefined = new Set();
  #registers: Uint8Array | undefined;
  #estimate = 0;

  /** @returns false when it is one of those that were there before, as far as that is known */
  add(text: string): boolean {
    const hash = hashOf(text);
    if (this.#hashes !== undefined) {
      if (this.#hashes.has(hash)) return false;
      this.#hashes.add(hash);
      if (this.#hashes.size > exact) this.#estimateFromNow(this.#hashes);
      return true;
    }
    return this.#register(this.#registers as Uint8Array, hash);
  }

  get count(): number {
    if (this.#hashes !== undefined) return this.#hashes.size;
    this.#estimate ||= estimate(this.#registers as Uint8Array);
    return this.#estimate;
  }

  clear(): void {
    this.#hashes = new Set();
    this.#registers = undefined;
    this.#estimate = 0;
  }

  #estimateFromNow(hashes: ReadonlySet<number>): void {
    const registers = new Uint8Array(registerCount);
    for (const hash of hashes) this.#register(registers, hash);
    this.#registers = registers;
    this.#hashes = undefined;
  }

  #register(registers: Uint8Array, hash: number): boolean {
    const index = hash >>> (32 - registerBits);
    const rank = Math.min(Math.clz32(hash << registerBits), 32 - registerBits) + 1;
    if (rank <= (registers[index] as number)) return false;
    registers[index] = rank;
    this.#estimate = 0;
    return true;
  }
}

function estimate(registers: Uint8Array): number {
  let sum = 0;
  let empty = 0;
  for (const rank of registers) {
    sum += 2 ** -rank;
    if (rank === 0) empty++;
  }
  const raw = (bias * registerCount * registerCount) / sum;
  const few = raw <= 2.5 * registerCount && empty > 0;
  return Math.round(few ? registerCount * Math.log(registerCount / empty) : raw);
}

/** FNV-1a, and the last mixing of MurmurHash3, without which short texts share their high bits. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
