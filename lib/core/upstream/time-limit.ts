import type { z } from 'zod';
import { duration, type Duration } from '../options.ts';

/** A duration of at least so many milliseconds: a time limit of 0 leaves no time for anything. */
export function durationFrom(least: number): z.ZodType<number, Duration> {
  return duration().refine((milliseconds) => milliseconds >= least, {
    error: ({ input }) => `${String(input)} ms is too short; use at least ${least} ms`,
  });
}
