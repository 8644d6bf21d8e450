import type { Request } from 'express';
import type { Guard } from './guard.ts';
import { findingOf } from './inspection.ts';
import { unescapeForm } from './percent-decoding.ts';
import { Scanner } from './scanner.ts';
import type { Finding } from './rules.ts';

/** By these the two sides say who the client is: that there is a secret in them is no news. */
const credentials: ReadonlySet<string> = new Set([
  ...[
    'authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'api-key',
    'x-auth-token',
  ],
  ...[
    'x-amz-security-token',
    'x-goog-api-key',
    'x-csrf-token',
    'x-xsrf-token',
    'sec-websocket-key',
  ],
  ...['private-token', 'x-gitlab-token', 'x-vault-token'],
]);

/** Bytes of the head, about. */
export function headBytes(req: Request): number {
  let bytes = req.method.length + req.originalUrl.length + 12;
  for (const text of req.rawHeaders) bytes += text.length + 2;
  return bytes;
}

/** Looks through the URL and the fields of a request. */
export function inspectHead(
  guard: Guard,
  req: Request,
  found: (finding: Finding, what: string) => void,
): void {
  const { hints, head } = guard.kit;
  if (head.length === 0) return;
  const url = unescapeForm(req.originalUrl);
  if (mayHold(url, hints)) inspectText(guard, url, 'url', found);
  inspectFields(guard, req.rawHeaders, 'field', found);
}

/**
 * Looks through fields, names and values in turn.
 *
 * @param part what they are, for alerts
 */
export function inspectFields(
  guard: Guard,
  fields: readonly string[],
  part: 'field' | 'trailer',
  found: (finding: Finding, what: string) => void,
): void {
  const { hints, head } = guard.kit;
  if (head.length === 0) return;
  for (let index = 0; index < fields.length; index += 2) {
    const value = fields[index + 1] as string;
    if (hints !== undefined && value.length < shortest) continue;
    if (!mayHold(value, hints)) continue;
    const name = (fields[index] as string).toLowerCase();
    if (!credentials.has(name)) inspectText(guard, value, `${part} ${name}`, found);
  }
}

/** Nothing that is looked for by default has fewer characters. */
const shortest = 12;

function mayHold(text: string, hints: readonly RegExp[] | undefined): boolean {
  return hints === undefined || hints.some((hint) => hint.test(text));
}

function inspectText(
  guard: Guard,
  text: string,
  part: string,
  found: (finding: Finding, what: string) => void,
): void {
  const scanner = new Scanner(
    guard.kit.head.map((make) => make()),
    (sighting, offset) => {
      found(findingOf(guard, sighting, part, offset), sighting.kind);
    },
  );
  scanner.write(Buffer.from(text, 'latin1'));
  scanner.flush();
}
