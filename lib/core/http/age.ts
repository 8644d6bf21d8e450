import { longestDelta, parseDelta } from './delta-seconds.ts';
import { trimmed } from './field-lines.ts';
import type { Validity } from './validity.ts';

/** When a request was sent and the head of its answer came, in wall-clock milliseconds (RFC 9111 §4.2.3). */
export interface ExchangeTimes {
  readonly requested: number;
  readonly received: number;
}

/**
 * `Age` in milliseconds: the digits of the first member (RFC 9111 §5.1). What is no number counts for nothing.
 *
 * @param line the first line of the field; further ones are to be ignored
 */
export function parseAge(line: string | undefined): number {
  if (line === undefined) return 0;
  const comma = line.indexOf(',');
  return parseDelta(trimmed(comma === -1 ? line : line.slice(0, comma))) ?? 0;
}

/**
 * The age an answer had when it came: corrected_initial_age of RFC 9111 §4.2.3, in milliseconds.
 *
 * @param date the answer's own `Date`; undefined when it has none that can be read
 */
export function initialAge(age: number, date: number | undefined, times: ExchangeTimes): number {
  const apparent = date === undefined ? 0 : Math.max(0, times.received - date);
  const delay = Math.max(0, times.received - times.requested);
  return Math.min(longestDelta, Math.max(apparent, age + delay));
}

/** current_age of RFC 9111 §4.2.3, in milliseconds. Never negative, though the clock may have been set back. */
export function currentAge(validity: Validity, now: number): number {
  return validity.initialAge + Math.max(0, now - validity.received);
}

/** The value of `Age` (RFC 9111 §5.1): whole seconds. */
export function ageField(validity: Validity, now: number): number {
  return Math.floor(Math.min(longestDelta, currentAge(validity, now)) / 1000);
}
