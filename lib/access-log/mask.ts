import type { IsSecret } from './secret-names.ts';

/** What stands in the place of a secret. */
export const masked = '***';

/** What separates pairs in queries, path parameters and fragments. */
const separators = /([?&;#])/;
/** Credentials in front of a host. */
const userinfo = /(:\/\/)[^/?#@\s]*@/g;

/** A request target or URL without secrets: values of secret names in its query, and `user:password@`. */
export function maskUrl(url: string, isSecret: IsSecret): string {
  const plain = url.includes('@') ? url.replace(userinfo, `$1${masked}@`) : url;
  return plain.includes('=') ? maskPairs(plain, isSecret) : plain;
}

function maskPairs(text: string, isSecret: IsSecret): string {
  let shown = '';
  /** A secret goes on to the next pair; a `?` is a part of it. */
  let hiding = false;
  const [path = '', ...pieces] = text.split(separators);
  for (const piece of pieces) {
    if (piece === '&' || piece === ';' || piece === '#') hiding = false;
    if (hiding) continue;
    const at = piece.indexOf('=');
    hiding = at > 0 && at < piece.length - 1 && isSecret(decoded(piece.slice(0, at)));
    shown += hiding ? `${piece.slice(0, at)}=${masked}` : piece;
  }
  return path + shown;
}

/** No name that means something is longer. */
const longestName = 256;

/** As servers read names: `%74oken` is a token. */
function decoded(whole: string): string {
  const name = whole.slice(-longestName);
  try {
    return decodeURIComponent(name.replaceAll('+', ' ')).trim();
  } catch {
    return name;
  }
}

const deepest = 4;
const mostMembers = 100;

/** A value of the caller's without secrets: members of secret names are masked, and it is not endless. */
export function maskValue(value: unknown, isSecret: IsSecret, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date || value instanceof Error) return String(value);
  if (depth >= deepest) return '…';
  if (Array.isArray(value))
    return value.slice(0, mostMembers).map((item) => maskValue(item, isSecret, depth + 1));
  const members: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value).slice(0, mostMembers))
    members.push([name, isSecret(name) ? masked : maskValue(member, isSecret, depth + 1)]);
  return Object.fromEntries(members);
}
