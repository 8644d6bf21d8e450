import { hashOf } from './hash.ts';

/**
 * A hash table with open addressing over three blocks of memory that threads can share. `tags` has 8 bits of the hash
 * for each slot (0: free), so that most probes end there; `slots` says where in `entries` the entry begins.
 * An entry is: what it applies to (1 byte), length of the host (1), of the path (2), line (4), host, path.
 */
export interface TableMemory {
  readonly tags: Uint8Array;
  readonly slots: Uint32Array;
  readonly entries: Uint8Array;
  /** Bytes of `entries` in use. */
  readonly used: number;
  readonly count: number;
}

const headLength = 8;

/** Where the entry of a host (from `start` on) and the first `pathLength` characters of a path is; -1 if there is none. */
export function findEntry(
  memory: TableMemory,
  hash: number,
  host: string,
  start: number,
  path: string,
  pathLength: number,
): number {
  const slot = findSlot(memory, hash, host, start, path, pathLength);
  return memory.tags[slot] === 0 ? -1 : (memory.slots[slot] as number);
}

/** Its slot, or the free one where it belongs. */
function findSlot(
  { tags, slots, entries }: TableMemory,
  hash: number,
  host: string,
  start: number,
  path: string,
  pathLength: number,
): number {
  const mask = tags.length - 1;
  const tag = tagOf(hash);
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const found = tags[slot];
    if (found === 0) return slot;
    if (found === tag && isEntryOf(entries, slots[slot] as number, host, start, path, pathLength))
      return slot;
  }
}

export function appliesOf({ entries }: TableMemory, entry: number): number {
  return entries[entry] as number;
}

/** The line of the file that the entry is from. */
export function lineOf({ entries }: TableMemory, entry: number): number {
  let line = 0;
  for (let byte = 7; byte >= 4; byte--) line = line * 256 + (entries[entry + byte] as number);
  return line;
}

function isEntryOf(
  entries: Uint8Array,
  entry: number,
  host: string,
  start: number,
  path: string,
  pathLength: number,
): boolean {
  const hostLength = host.length - start;
  if (entries[entry + 1] !== hostLength) return false;
  if ((entries[entry + 2] as number) + (entries[entry + 3] as number) * 256 !== pathLength)
    return false;
  const hostAt = entry + headLength;
  for (let index = 0; index < hostLength; index++)
    if (entries[hostAt + index] !== host.charCodeAt(start + index)) return false;
  const pathAt = hostAt + hostLength;
  for (let index = 0; index < pathLength; index++)
    if (entries[pathAt + index] !== path.charCodeAt(index)) return false;
  return true;
}

function tagOf(hash: number): number {
  return hash >>> 24 || 1;
}

/** Fills a table; runs in the thread that reads a list. */
export class TableBuilder {
  readonly #seed: number;
  #memory: TableMemory;
  #used = 0;
  #count = 0;

  /** @param expected how many entries and bytes of hosts and paths are likely; more are no mistake */
  constructor(seed: number, expected: { readonly entries: number; readonly bytes: number }) {
    this.#seed = seed;
    this.#memory = {
      ...emptySlots(slotsFor(expected.entries)),
      entries: new Uint8Array(shared(expected.bytes + expected.entries * headLength)),
      used: 0,
      count: 0,
    };
  }

  get count(): number {
    return this.#count;
  }

  /** An entry that is there already applies to more than before, and keeps its line. */
  add(host: string, path: string, applies: number, line: number): void {
    // Three of four: beyond that searches get long.
    if (this.#count * 4 >= this.#memory.tags.length * 3) this.#rehash(this.#memory.tags.length * 2);
    const hash = hashOf(this.#seed, host, path);
    const { tags, slots, entries } = this.#memory;
    const slot = findSlot(this.#memory, hash, host, 0, path, path.length);
    if (tags[slot] !== 0) {
      const known = slots[slot] as number;
      entries[known] = (entries[known] as number) | applies;
      return;
    }
    tags[slot] = tagOf(hash);
    slots[slot] = this.#used;
    this.#append(host, path, applies, line);
    this.#count++;
  }

  /** The table; pages of it that nothing was written to take no memory. */
  finish(): TableMemory {
    const slots = slotsFor(this.#count);
    if (slots < this.#memory.tags.length) this.#rehash(slots);
    return { ...this.#memory, used: this.#used, count: this.#count };
  }

  #append(host: string, path: string, applies: number, line: number): void {
    const length = headLength + host.length + path.length;
    const { entries } = this.#room(length);
    let at = this.#used;
    entries[at++] = applies;
    entries[at++] = host.length;
    entries[at++] = path.length & 255;
    entries[at++] = path.length >>> 8;
    for (let shift = 0; shift < 32; shift += 8) entries[at++] = (line >>> shift) & 255;
    for (let index = 0; index < host.length; index++) entries[at++] = host.charCodeAt(index);
    for (let index = 0; index < path.length; index++) entries[at++] = path.charCodeAt(index);
    this.#used = at;
  }

  #room(length: number): TableMemory {
    const { entries } = this.#memory;
    if (this.#used + length > entries.length) {
      const larger = new Uint8Array(shared(Math.ceil(entries.length * 1.5) + length));
      larger.set(entries);
      this.#memory = { ...this.#memory, entries: larger };
    }
    return this.#memory;
  }

  #rehash(size: number): void {
    const { entries } = this.#memory;
    const all = Buffer.from(entries.buffer);
    this.#memory = { ...this.#memory, ...emptySlots(size) };
    for (let entry = 0; entry < this.#used;) {
      const hostEnd = entry + headLength + (entries[entry + 1] as number);
      const pathEnd =
        hostEnd + (entries[entry + 2] as number) + (entries[entry + 3] as number) * 256;
      const text = all.toString('latin1', entry + headLength, pathEnd);
      const hostLength = hostEnd - entry - headLength;
      place(
        this.#memory,
        hashOf(this.#seed, text.slice(0, hostLength), text.slice(hostLength)),
        entry,
      );
      entry = pathEnd;
    }
  }
}

function place({ tags, slots }: TableMemory, hash: number, entry: number): void {
  const mask = tags.length - 1;
  let slot = hash & mask;
  while (tags[slot] !== 0) slot = (slot + 1) & mask;
  tags[slot] = tagOf(hash);
  slots[slot] = entry;
}

function emptySlots(size: number): Pick<TableMemory, 'tags' | 'slots'> {
  return { tags: new Uint8Array(shared(size)), slots: new Uint32Array(shared(size * 4)) };
}

/** A power of two, of which at most two of three are taken. */
function slotsFor(entries: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(8, entries * 1.5)));
}

/** Threads share it: nothing is copied from one to the other. */
function shared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}
