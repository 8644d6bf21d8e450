import type { ServerResponse } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http2';

/** Fields of an HTTP/1.1 connection, which HTTP/2 forbids (RFC 9113 §8.2.2). */
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** The fields set on a response as node:http2 takes them. */
export function http2Fields(res: ServerResponse): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = { ':status': res.statusCode };
  for (const name of res.getHeaderNames()) {
    if (connectionFields.has(name)) continue;
    const value = res.getHeader(name) as string | number | string[];
    fields[name] =
      typeof value === 'object' ? (value.length === 1 ? value[0] : value) : String(value);
  }
  return fields;
}

/** Names and values in turn, or pairs, or an object: without what HTTP/2 forbids, and with names in lower case. */
export function http2Pairs(
  fields: Iterable<readonly [string, unknown]>,
): Record<string, string | string[]> {
  const made: Record<string, string | string[]> = {};
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    if (lower.startsWith(':') || connectionFields.has(lower) || value === undefined) continue;
    const values = (Array.isArray(value) ? value : [value]).map(String);
    const all = [...[made[lower] ?? []].flat(), ...values];
    made[lower] = all.length === 1 ? (all[0] as string) : all;
  }
  return made;
}

/** Of fields that may be there once, the first: HTTP/1.1 clients were left to choose. */
export function withoutRepeats(fields: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      Array.isArray(value) && !listed.has(name) ? value[0] : value,
    ]),
  );
}

/** Fields whose lines add up. */
const listed: ReadonlySet<string> = new Set([
  'cache-control',
  'link',
  'server-timing',
  'set-cookie',
  'vary',
  'via',
  'warning',
  'www-authenticate',
  'content-security-policy',
]);

/** `writeHead()`'s and `writeInformation()`'s ways of giving fields, as pairs. */
export function fieldPairs(fields: unknown): (readonly [string, unknown])[] {
  if (fields === undefined || fields === null) return [];
  if (!Array.isArray(fields)) return Object.entries(fields);
  if (Array.isArray(fields[0])) return fields as [string, unknown][];
  const pairs: [string, unknown][] = [];
  for (let index = 0; index + 1 < fields.length; index += 2)
    pairs.push([String(fields[index]), fields[index + 1]]);
  return pairs;
}
