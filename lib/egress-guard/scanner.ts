import { maxBefore, maxReach, View, type Detector, type Sighting } from './detector.ts';

/** Looked through again and again for a few bytes, the same context would cost more than all the rest. */
const leastStep = 4096;

/**
 * Looks through a body that comes in chunks, cut wherever the network likes: what was seen is the same as if it had come
 * in one piece. Each place is looked at once, when enough is there behind it; less than 8 KiB are carried over.
 */
export class Scanner {
  #detectors: readonly Detector[];
  readonly #onSighting: (sighting: Sighting, offset: number) => void;
  readonly #pending: Buffer[] = [];
  #pendingBytes = 0;
  #carry: Buffer = nothing;
  /** Place in `#carry` up to which all has been decided. */
  #decided = 0;
  /** Of the first byte of `#carry` in the body. */
  #offset = 0;

  constructor(
    detectors: readonly Detector[],
    onSighting: (sighting: Sighting, offset: number) => void,
  ) {
    this.#detectors = detectors;
    this.#onSighting = onSighting;
  }

  /** The chunk is not changed, and not held beyond the next call for more than 8 KiB of it. */
  write(chunk: Buffer): void {
    if (this.#detectors.length === 0 || chunk.length === 0) return;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes >= leastStep) this.#scan(false);
  }

  /** There is no more; or nothing came for a while, and what is there has to be judged. More may come all the same. */
  flush(): void {
    this.#scan(true);
  }

  #scan(all: boolean): void {
    const bytes = Buffer.concat([this.#carry, ...this.#pending.splice(0)]);
    this.#pendingBytes = 0;
    // What begins later may go on in what comes next.
    const resume = Math.max(this.#decided, bytes.length - maxReach);
    const to = all ? bytes.length : resume;
    if (to > this.#decided) this.#look(new View(bytes, this.#offset, this.#decided, to));
    const kept = Math.max(0, resume - maxBefore);
    this.#carry = Buffer.from(bytes.subarray(kept));
    this.#decided = resume - kept;
    this.#offset += kept;
  }

  #look(view: View): void {
    const seen = new Set<Detector>();
    const hints = new Map<RegExp, boolean>();
    for (const detector of this.#detectors) {
      if (!hasHint(detector.hint, view.text, hints)) continue;
      const sighting = detector.scan(view);
      if (sighting === undefined) continue;
      seen.add(detector);
      this.#onSighting(sighting, view.offset + sighting.at);
    }
    // One of a kind is enough: the rest of the body is not looked through for more of it.
    if (seen.size > 0) this.#detectors = this.#detectors.filter((detector) => !seen.has(detector));
  }
}

/** @param known what has been looked for in this text already */
function hasHint(hint: RegExp | undefined, text: string, known: Map<RegExp, boolean>): boolean {
  if (hint === undefined) return true;
  let found = known.get(hint);
  if (found === undefined) known.set(hint, (found = hint.test(text)));
  return found;
}

const nothing = Buffer.alloc(0);
