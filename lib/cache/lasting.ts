import { memoised, remembering } from '../core/http/memo.ts';

/**
 * What is stored lives long, and of what lives long each object is copied twice by the collector. So texts that many answers
 * have in common are one, and none keeps more alive than itself: what was cut from a head would keep the head.
 */
export function lastingFields(fields: readonly string[]): string[] {
  const lasting: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const { name, recurs } = fieldOf(fields[index] as string);
    const value = fields[index + 1] as string;
    lasting.push(name, recurs ? valueOf(value) : value);
  }
  return lasting;
}

/** A text of a few that come again and again. */
export const lastingText: (text: string) => string = memoised(whole);

/** V8 leaves a text in the parts it was put together of until somebody looks into it. */
export function joined(text: string): string {
  return Number.isNaN(text.charCodeAt(0)) ? '' : text;
}

/** Fields that have the same few values in all answers of a site. */
const recurring: ReadonlySet<string> = new Set([
  'accept-ranges',
  'access-control-allow-origin',
  'cache-control',
  'cdn-cache-control',
  'content-encoding',
  'content-language',
  'content-security-policy',
  'content-type',
  'date',
  'referrer-policy',
  'server',
  'strict-transport-security',
  'vary',
  'via',
  'x-content-type-options',
  'x-frame-options',
]);

const fieldOf = memoised((name) => ({
  name: whole(name),
  recurs: recurring.has(name.toLowerCase()),
}));

/** Dates among them never come again. */
const valueOf = remembering(whole, 256);

function whole(text: string): string {
  return Buffer.from(text).toString();
}
