import { z } from 'zod';
import { refuse } from '../core/options.ts';

/** A parameter's value as a quoted-string (RFC 9110 §5.6.4); what cannot stand in one becomes a question mark. */
export function quotedString(value: string): string {
  return `"${value.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, String.raw`\$&`)}"`;
}

/** A realm that is known beforehand; one with other characters would be garbled by browsers. */
export function realmString(): z.ZodType<string, string> {
  return z
    .string()
    .transform((value, context) =>
      /^[\x20-\x7e]+$/.test(value)
        ? value
        : refuse(context, value, 'is no realm; use printable ASCII characters'),
    );
}

/** Shown when neither option nor function say otherwise: RFC 7617 §2 demands a realm. */
export const defaultRealm = 'Restricted';
