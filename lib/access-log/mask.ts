import type { IsSecret } from './secret-names.ts';

/** What stands in the place of a secret. */
export const masked = '***';

/**
 * What separates pairs in queries, path parameters and fragments, also those of a URL in the value of a pair, where it is
 * escaped once more for each URL around it.
 */
const separators = /([?&;#]|%(?:25){0,4}(?:3f|26|3b|23))/i;
const equals = /=|%(?:25){0,4}3d/gi;
/** Credentials in front of a host. */
const userinfo = /(:\/\/)[^/?#\s]*@/g;
const escapedUserinfo =
  /((?::|%(?:25){0,4}3a)(?:\/|%(?:25){0,4}2f){2})(?:(?!%(?:25){0,4}(?:2f|3f|23))[^/?#&\s])*(?:@|%(?:25){0,4}40)/gi;

/** A request target or URL without secrets: values of secret names in its query, and `user:password@`. */
export function maskUrl(url: string, isSecret: IsSecret): string {
  const escaped = url.includes('%');
  let shown = url.includes('@') ? url.replace(userinfo, `$1${masked}@`) : url;
  if (escaped) shown = shown.replace(escapedUserinfo, `$1${masked}@`);
  return escaped || shown.includes('=') ? maskPairs(shown, isSecret, false) : shown;
}

/** Any text of the caller's that may be, or contain, a URL, a query or a form. */
function maskText(text: string, isSecret: IsSecret): string {
  return maskPairs(maskUrl(text, isSecret), isSecret, true);
}

/** @param first whether there may be a pair in front of all separators, where a URL has its path */
function maskPairs(text: string, isSecret: IsSecret, first: boolean): string {
  const pieces = text.split(separators);
  let shown = '';
  let secret: Secret | undefined;
  for (const [at, piece] of pieces.entries()) {
    const separates = at % 2 === 1;
    if (separates && secret !== undefined && endsAt(piece, secret)) secret = undefined;
    if (secret !== undefined) continue;
    if (!separates && (at > 0 || first)) secret = secretIn(piece, isSecret);
    // There is nothing to hide.
    if (secret?.begins === piece.length && endsAt(pieces[at + 1], secret)) secret = undefined;
    shown += secret === undefined ? piece : piece.slice(0, secret.begins) + masked;
  }
  return shown;
}

interface Secret {
  readonly begins: number;
  /** Length of its `=`: the longer, the deeper it is in escapes. */
  readonly depth: number;
}

/** A value goes on to the next pair of its own URL, or of one around it; a `?` is a part of it. */
function endsAt(separator: string | undefined, { depth }: Secret): boolean {
  if (separator === undefined) return true;
  return separator.length <= depth && !/(?:\?|3f)$/i.test(separator);
}

/** The value behind the first name of a secret: a value may have pairs of its own. */
function secretIn(piece: string, isSecret: IsSecret): Secret | undefined {
  let start = 0;
  for (const { 0: sign, index } of piece.matchAll(equals)) {
    const begins = index + sign.length;
    if (index > start && isSecret(decoded(piece.slice(start, index))))
      return { begins, depth: sign.length };
    start = begins;
  }
  return undefined;
}

/** No name that means something is longer. */
const longestName = 256;
/** Escapes of escapes of escapes. */
const mostRounds = 5;

/** As servers read names: `%74oken` is a token. */
function decoded(piece: string): string {
  let name = piece.slice(-longestName);
  for (let round = 0; round < mostRounds && name.includes('%'); round++)
    name = name.replace(/%([\da-f]{2})/gi, (_escape, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  return name.replaceAll('+', ' ').trim();
}

const deepest = 4;
const mostMembers = 100;

/**
 * A value of the caller's without secrets: members of secret names are masked, so are URLs in texts, and it is not
 * endless.
 */
export function maskValue(value: unknown, isSecret: IsSecret, depth = 0): unknown {
  if (typeof value === 'string') return maskText(value, isSecret);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return String(value);
  if (value instanceof Error) return maskText(String(value), isSecret);
  if (depth >= deepest) return '…';
  if (Array.isArray(value))
    return value.slice(0, mostMembers).map((item) => maskValue(item, isSecret, depth + 1));
  const members: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value).slice(0, mostMembers))
    members.push([name, isSecret(name) ? masked : maskValue(member, isSecret, depth + 1)]);
  return Object.fromEntries(members);
}
