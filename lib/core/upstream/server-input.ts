import { z } from 'zod';
import { count, quote, ratio, refuse } from '../options.ts';
import { serverKey, type ServerDefinition } from './server.ts';

/** A server with more to say of it than where it is. */
export interface ServerOptions {
  /**
   * `http:`, `https:`, or the path of a unix socket as `unix:/run/app.sock`. A path of an `http:` URL
   * is put in front of the request's own; a unix URL has no room for one.
   */
  readonly url: string | URL;
  /** How much it gets in relation to the others. @default 1 */
  readonly weight?: number | undefined;
  /** Gets requests only while no other server is usable. @default false */
  readonly backup?: boolean | undefined;
  /** Requests at a time; more wait in the pool's queue. @default connections.perServer */
  readonly maxConnections?: number | undefined;
}

export type ServerInput = string | URL | ServerOptions;

/** The URL of a server, strictly: what a request could not mean is refused instead of dropped. */
export function serverUrl(): z.ZodType<URL, string | URL> {
  return z
    .custom<string | URL>((value) => typeof value === 'string' || value instanceof URL, {
      error: ({ input }) =>
        `${quote(input)} is no server; use a URL such as 'http://127.0.0.1:8080' or { url, weight, backup, maxConnections }`,
    })
    .transform((input, context) => {
      const url = parseUrl(input);
      const problem = url === undefined ? notUrl(String(input)) : wrongUrl(url);
      return url === undefined || problem !== undefined
        ? refuse(context, String(input), problem ?? '')
        : url;
    });
}

/** One server, in any of its spellings. */
export function serverField(): z.ZodType<ServerDefinition, ServerInput> {
  const detailed = z.strictObject({
    url: serverUrl(),
    weight: ratio(0.001, 1_000_000).default(1),
    backup: z.boolean().default(false),
    maxConnections: count(1).default(Infinity),
  });
  return z.union([
    serverUrl().transform((url) => ({ url, weight: 1, backup: false, maxConnections: Infinity })),
    detailed,
  ]) as z.ZodType<ServerDefinition, ServerInput>;
}

/** All servers of a pool, none twice. */
export function serversField(
  { least }: { least: number } = { least: 1 },
): z.ZodType<readonly ServerDefinition[], readonly ServerInput[]> {
  return z.array(serverField()).superRefine((servers, context) => {
    if (servers.length < least)
      context.addIssue({
        code: 'custom',
        message: "no server given; name at least one, such as 'http://127.0.0.1:8080'",
      });
    const seen = new Set<string>();
    servers.forEach((server, index) => {
      const key = serverKey(server);
      if (seen.has(key))
        context.addIssue({
          code: 'custom',
          path: [index],
          message: `${quote(server.url.href)} is named twice; name it once, with a weight if it should get more`,
        });
      seen.add(key);
    });
  });
}

function parseUrl(input: string | URL): URL | undefined {
  // A copy: the caller's URL object may change later. `unix:` must not swallow a host or dot segments.
  const text = String(input);
  return URL.canParse(text) ? new URL(text) : undefined;
}

function notUrl(text: string): string {
  return /^(?:[\w-]+\.)*[\w-]+(?::\d+)?(?:\/|$)/.test(text)
    ? `is no URL; did you mean ${quote(`http://${text}`)}?`
    : "is no URL; use one such as 'http://127.0.0.1:8080'";
}

function wrongUrl(url: URL): string | undefined {
  if (!['http:', 'https:', 'unix:'].includes(url.protocol))
    return /^[\w.-]+:$/.test(url.protocol) && /^\d+(?:\/|$)/.test(url.pathname)
      ? `has no scheme; did you mean ${quote(`http://${url.href}`)}?`
      : 'has a scheme that is not spoken here; use http:, https: or unix:';
  if (url.username !== '' || url.password !== '')
    return 'has a user or password in it; take it out and set the Authorization field by headers.request';
  if (url.search !== '' || url.href.replace(/#.*$/, '').endsWith('?'))
    return 'has a query; a server is named by scheme, host, port and path alone';
  if (url.hash !== '' || url.href.endsWith('#'))
    return 'has a fragment; a server is named by scheme, host, port and path alone';
  if (url.protocol !== 'unix:')
    return url.port === '0' ? 'has port 0; name the port it listens on' : undefined;
  return url.host === '' && url.pathname.startsWith('/') && url.pathname.length > 1
    ? undefined
    : "has no absolute path; name the socket as in 'unix:/run/app.sock'";
}
