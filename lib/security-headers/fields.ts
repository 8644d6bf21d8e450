import { z } from 'zod';
import { quote } from '../core/options.ts';

type HelmetPolicy = boolean | object;

/** A token (RFC 9110 §5.6.2): what a field name is made of. */
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i;

/** Without these the client would read another message than the upstream sent. */
const indispensable: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'transfer-encoding',
]);

/** A policy of helmet's that has options of its own; helmet would take a string for an empty object. */
export function policy(): z.ZodOptional<z.ZodType<HelmetPolicy>> {
  return z
    .custom<HelmetPolicy>(
      (value) =>
        typeof value === 'boolean' ||
        (typeof value === 'object' && value !== null && !Array.isArray(value)),
      {
        error: ({ input }) =>
          `${quote(input)} is not allowed; use true, false or an object with helmet's options`,
      },
    )
    .optional();
}

/** A policy of helmet's that can be switched off, and nothing else. */
export function toggle(): z.ZodOptional<z.ZodType<boolean>> {
  return z
    .custom<boolean>((value) => typeof value === 'boolean', {
      error: ({ input }) => `${quote(input)} is not allowed; use true or false`,
    })
    .optional();
}

/** Names of response fields, lower-cased. */
export function responseFields(): z.ZodType<string[], readonly string[]> {
  return z.array(
    z
      .custom<string>((value) => typeof value === 'string' && fieldName.test(value), {
        error: ({ input }) =>
          `${quote(input)} is no field name; use one such as 'server' or 'x-powered-by'`,
      })
      .transform((name) => name.toLowerCase())
      .refine((name) => !indispensable.has(name), {
        error: ({ input }) =>
          `${quote(input)} says how to read the message and cannot be stripped; leave it out`,
      }),
  );
}
