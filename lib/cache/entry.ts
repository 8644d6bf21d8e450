import type { Fields } from '../core/http/fields.ts';
import type { Validity } from '../core/http/validity.ts';
import type { Body } from './body.ts';

/** A stored answer. */
export interface Entry {
  readonly kind: 'answer';
  readonly status: number;
  readonly message: string;
  /** End-to-end fields, names and values in turn, as they came. */
  readonly fields: Fields;
  readonly trailers: Fields;
  readonly body: Body;
  readonly validity: Validity;
  /**
   * A handler of the app gave it: its fields take the place of those that middlewares in front of the cache set. Of a
   * forwarder's answer those that they set win.
   */
  readonly local: boolean;
  /** Fields, in lower case, that middlewares in front of the cache set and that handler has taken away. */
  readonly removed: readonly string[];
  /** The URL it is the answer of. */
  readonly url: string;
  /** Groups it can be cleared by. */
  readonly groups: readonly string[];
}

/**
 * Stands at the key of a URL whose answers vary (RFC 9111 §4.1): says by which request fields. The answers
 * themselves stand at keys made of this one, the generation and the values of those fields; without this record
 * none of them is found any more.
 */
export interface VaryRecord {
  readonly kind: 'vary';
  /** Lower-cased names of the request fields that choose. */
  readonly names: readonly string[];
  readonly generation: string;
  readonly url: string;
  readonly groups: readonly string[];
}

export type CacheRecord = Entry | VaryRecord;

const shortestVary = 86_400_000;

/** How long the record of a URL that varies is kept: the other variants may live longer than the one that came last. */
export function keepVary(keepFor: number): number {
  return Math.max(keepFor, shortestVary);
}
