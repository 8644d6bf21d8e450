import { parseHost } from '../core/http/host.ts';

/** A route's key, taken apart. */
export interface RouteKey {
  /** Host as compared, with its port if the key has one; `*.` in front for all hosts below; undefined for any host. */
  readonly host: string | undefined;
  /** Without a trailing slash; empty for everything. */
  readonly prefix: string;
}

/** What a path holds plainly never needs an escape, a parameter or a closer look. */
const unwritable = /[^\w.~!$&'()+,=:@/-]/;

/** Takes a key apart, or says what is wrong with it: the remedy that goes behind the quoted key. */
export function readKey(key: string): RouteKey | string {
  const start = key.indexOf('/');
  if (start === -1)
    return `has no '/'; write '/${key}' for a path, or '${key}/' for everything on a host`;
  const path = key.slice(start);
  const problem = pathProblem(path);
  if (problem !== undefined) return problem;
  const prefix = path.endsWith('/') ? path.slice(0, -1) : path;
  if (start === 0) return { host: undefined, prefix };
  const host = readHost(key.slice(0, start));
  return host === undefined
    ? "has an invalid host; use a name, '*.name', an IPv4 address or '[IPv6]', with or without ':port', before the path"
    : { host, prefix };
}

function readHost(text: string): string | undefined {
  const wildcard = text.startsWith('*.');
  const reading = parseHost(wildcard ? text.slice(2) : text);
  if (
    reading === undefined ||
    text.endsWith(':') ||
    (wildcard && /^\[|(?:^|\.)\d+$/.test(reading.hostname))
  )
    return undefined;
  return `${wildcard ? '*.' : ''}${hostName(reading.hostname, reading.port)}`;
}

/** A host with a port as the table spells it. */
export function hostName(hostname: string, port: number | undefined): string {
  return port === undefined ? hostname : `${hostname}:${port}`;
}

function pathProblem(path: string): string | undefined {
  if (/[?#]/.test(path)) return "has a query or fragment; a prefix is a path only, e.g. '/blog'";
  if (path.includes('//')) return "has an empty segment ('//'); write each slash once";
  if (/\/\.\.?(?:\/|$)/.test(path))
    return "has a dot segment; write the path it leads to, e.g. '/b' for '/a/../b'";
  if (path.includes('%'))
    return unwritable.test(decoded(path))
      ? `has an escaped character that ${charactersLeft}`
      : "is percent-encoded; write it plain, encoded spellings of a prefix don't match";
  if (path.includes('*'))
    return "has a '*' in its path; a prefix matches everything below it, so '/blog' will do";
  if (path.includes('/:'))
    return "has a parameter; prefixes are literal, use an express.Router() as the value of '/' for patterns";
  if (unwritable.test(path)) return `has a character that ${charactersLeft}`;
  return undefined;
}

const charactersLeft =
  "prefixes can't have; use letters, digits, '/' and -._~!$&'()+,=:@, or a shorter prefix with an express.Router() as its value";

/** What cannot be decoded stays as it is. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
