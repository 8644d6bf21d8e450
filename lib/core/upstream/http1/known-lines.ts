/** Lines of a head beyond these are not remembered, nor are longer ones. */
const mostLines = 32;
const width = 128;
/** For each place in a head so many are known: servers have more than one kind of answer. */
const ways = 8;
const nowhere = -1;
/** The bytes of a line that choose one of them are all here. */
const lookedAt = 6;

/**
 * Field lines of the answers before. Servers say the same again and again, in the same order: a line that is known need
 * not be checked and cut up once more, and its name and value are the strings of last time, which cost no memory and need
 * not be hashed when somebody looks them up.
 */
export class KnownLines {
  readonly #bytes = Buffer.alloc(mostLines * ways * width);
  /** With its CRLF; 0 where none is known. */
  readonly #lengths = new Uint8Array(mostLines * ways);
  readonly #nameLengths = new Uint8Array(mostLines * ways);
  readonly #valueStarts = new Uint8Array(mostLines * ways);
  readonly #valueEnds = new Uint8Array(mostLines * ways);
  /** Made when first asked for. */
  readonly #names: (string | undefined)[] = Array.from({ length: mostLines * ways });
  readonly #values: (string | undefined)[] = Array.from({ length: mostLines * ways });

  /** Where a line that stands in this place would be known; negative for nowhere. */
  placeOf(line: number, bytes: Uint8Array, at: number): number {
    if (line >= mostLines || at + lookedAt > bytes.length) return nowhere;
    const kind =
      (bytes[at] as number) + (bytes[at + 3] as number) * 3 + (bytes[at + 5] as number) * 5;
    return line * ways + (kind & (ways - 1));
  }

  /** How many bytes are the same as those of the line that is known there. */
  sameBytes(place: number, bytes: Uint8Array, at: number, limit: number): number {
    const known = this.#bytes;
    const base = place * width;
    const most = Math.min(this.#lengths[place] as number, limit - at);
    let same = 0;
    while (same < most && known[base + same] === bytes[at + same]) same++;
    return same;
  }

  /** Whether that was all of it. */
  isWhole(place: number, same: number): boolean {
    return same > 0 && same === this.#lengths[place];
  }

  /** The length of its name, when that and the colon were among them; else 0. */
  nameWithin(place: number, same: number): number {
    const length = this.#nameLengths[place] as number;
    return same > length ? length : 0;
  }

  /**
   * A line that has been checked.
   *
   * @param same bytes that it has in common with the one that was known there
   * @returns whether it is known now
   */
  learn(
    place: number,
    bytes: Uint8Array,
    start: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    end: number,
    same: number,
  ): boolean {
    if (end - start > width) return false;
    const base = place * width - start;
    for (let at = start + same; at < end; at++) this.#bytes[base + at] = bytes[at] as number;
    if (this.nameWithin(place, same) !== nameEnd - start) this.#names[place] = undefined;
    this.#values[place] = undefined;
    this.#lengths[place] = end - start;
    this.#nameLengths[place] = nameEnd - start;
    this.#valueStarts[place] = valueStart - start;
    this.#valueEnds[place] = valueEnd - start;
    return true;
  }

  name(place: number): string {
    return (this.#names[place] ??= this.#text(place, 0, this.#nameLengths[place] as number));
  }

  value(place: number): string {
    const start = this.#valueStarts[place] as number;
    return (this.#values[place] ??= this.#text(place, start, this.#valueEnds[place] as number));
  }

  #text(place: number, from: number, to: number): string {
    const base = place * width;
    return this.#bytes.toString('latin1', base + from, base + to);
  }
}
