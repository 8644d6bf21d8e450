import { z } from 'zod';
import { quote } from '../core/options.ts';

/** An option that is on or off. */
export function flag(otherwise: boolean): z.ZodDefault<z.ZodType<boolean>> {
  return z
    .custom<boolean>((value) => typeof value === 'boolean', {
      error: ({ input }) => `${quote(input)} is not allowed; use true or false`,
    })
    .default(otherwise);
}
