import { z } from 'zod';
import { duration, parseOptions, type Duration } from '../core/options.ts';

const months = /^\s*(\d+(?:\.\d+)?)\s*months?\s*$/i;

/** Durations of the whole suite, and apicache's month of 30 days. */
export function apicacheDuration(): z.ZodType<number, Duration> {
  return z.preprocess((value) => {
    const month = typeof value === 'string' ? months.exec(value) : null;
    return month === null ? value : Number(month[1]) * 30 * 86_400_000;
  }, duration());
}

const schema = z.strictObject({ duration: apicacheDuration() });

/** @throws {OptionsError} for what is no duration */
export function parseDuration(value: unknown): number {
  return parseOptions('apicache', schema, { duration: value }).duration;
}
