import { singleLine } from './field-lines.ts';
import type { StoredAnswer } from './conditional.ts';

/** The methods registered as safe with IANA; case-sensitive. CONNECT has no resource whose answers could be stored. */
const harmless: ReadonlySet<string> = new Set([
  'CONNECT',
  'GET',
  'HEAD',
  'OPTIONS',
  'PRI',
  'PROPFIND',
  'QUERY',
  'REPORT',
  'SEARCH',
  'TRACE',
]);

/** URL parsers leave out, or turn around, what no URI holds: blanks, controls, backslashes. */
const noUri = /[^!-~\x80-\uffff]|\\/;
const latin1 = /[\x80-\xff]/g;

/**
 * The URLs whose stored answers are no longer valid after an exchange (RFC 9111 §4.4): after a 2xx or 3xx to a method
 * not known to be safe, the target and what `Location` and `Content-Location` name on the same origin.
 *
 * @param target absolute URL; comes first, as given. The others are in WHATWG form, without fragment and userinfo.
 */
export function invalidated(
  method: string,
  target: string,
  answer: StoredAnswer,
): readonly string[] {
  if (harmless.has(method) || answer.status < 200 || answer.status > 399) return [];
  const urls = new Set([target]);
  const base = URL.parse(target);
  if (base === null || !/^https?:$/.test(base.protocol)) return [...urls];
  for (const name of ['location', 'content-location']) {
    const url = sameOrigin(singleLine(answer.fields, name), base);
    if (url !== undefined && url !== base.href) urls.add(url);
  }
  return [...urls];
}

function sameOrigin(reference: string | undefined, base: URL): string | undefined {
  if (reference === undefined || reference === '' || noUri.test(reference)) return undefined;
  const url = URL.parse(reference.replace(latin1, percentEncoded), base.href);
  if (url?.origin !== base.origin) return undefined;
  url.hash = '';
  url.username = '';
  url.password = '';
  return url.href;
}

/** The byte itself: in which encoding it was meant nobody says. */
function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
