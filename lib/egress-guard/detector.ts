import { digitGroups, type DigitGroup } from './digit-groups.ts';
import type { EgressRule, Severity } from './rules.ts';

/** A piece of something that leaves, with what stands before and after it as far as that is known. */
export class View {
  /** One character for each byte (latin1). */
  readonly text: string;
  readonly bytes: Buffer;
  /** Of the first byte, in the whole. */
  readonly offset: number;
  /** Only what begins from here … */
  readonly from: number;
  /** … to here is looked for: what begins later is seen better the next time. */
  readonly to: number;
  #digitGroups: readonly DigitGroup[] | undefined;

  constructor(bytes: Buffer, offset: number, from: number, to: number) {
    this.text = bytes.toString('latin1');
    this.bytes = bytes;
    this.offset = offset;
    this.from = from;
    this.to = to;
  }

  /** With which long numbers may begin; several detectors want them. */
  get digitGroups(): readonly DigitGroup[] {
    return (this.#digitGroups ??= digitGroups(this.bytes, this.from, this.to));
  }
}

/** Something that a detector has seen, and where. It is never kept, nor told to anybody but a keyed digest. */
export interface Sighting {
  readonly rule: EgressRule;
  readonly kind: string;
  readonly severity: Severity;
  /** Place in the view. */
  readonly at: number;
  readonly value: string;
  /** Different values of the kind so far, where one alone says nothing. */
  readonly values?: number;
}

/** Looks for one kind of thing in one body. Whatever begins at `at` shows within `maxReach` bytes, and `maxContext` around. */
export interface Detector {
  /** Where this is not, neither is what the detector looks for: one look that several of them share. */
  readonly hint?: RegExp | undefined;
  scan(view: View): Sighting | undefined;
}

/** No detector looks further behind the beginning of what it looks for, context and all. */
export const maxReach = 2560;
/** Nor further to the front. */
export const maxBefore = 1280;
