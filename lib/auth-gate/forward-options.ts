import { z } from 'zod';
import { fieldKind } from '../core/http/field-kinds.ts';
import {
  count,
  duration,
  quote,
  refuse,
  schemaOf,
  size,
  type Duration,
  type Size,
} from '../core/options.ts';
import { tlsField, type TlsOptions } from '../core/upstream/tls-options.ts';
import { flag } from './flag.ts';

/** How verdicts of the auth server are kept. */
export interface ForwardCacheOptions {
  /** For so long a verdict is taken without asking again: a session that the auth server ends goes on for so long. */
  readonly ttl: Duration;
  /**
   * The fields of the question that the verdict depends on, e.g. `['Cookie', 'X-Forwarded-Host']`. A field that is left
   * out here and that the auth server does look at lets one client pass on the verdict of another.
   * @default all of them, and so method, host, URI and address
   */
  readonly by?: readonly string[] | undefined;
  /** Keep 401 and 403, too (of up to 16 kB). @default false */
  readonly refusals?: boolean | undefined;
  /** Verdicts kept; the one used longest ago makes room. @default 10000 */
  readonly maxEntries?: number | undefined;
}

/** An auth server that is asked about each request, as by nginx `auth_request`, Traefik ForwardAuth and Caddy `forward_auth`. */
export interface ForwardOptions {
  /** What is asked, by GET; `http:` or `https:`. */
  readonly url: string | URL;
  /**
   * Fields of the auth server's 2xx that servers behind get, as a list, or as a table of its names and theirs:
   * `{ 'X-Auth-Request-Email': 'X-Email' }`. Clients' own copies of theirs are stripped on every route of the process.
   * @default none
   */
  readonly copyHeaders?: readonly string[] | Readonly<Record<string, string>> | undefined;
  /** Fields of the request that the auth server gets besides those that say what is asked for. @default all end-to-end fields, without those of the body */
  readonly requestHeaders?: readonly string[] | undefined;
  /** Cookies that are the auth server's alone: servers behind do not get them. @default none */
  readonly cookies?: readonly string[] | undefined;
  /** For the whole answer. @default '5s' */
  readonly timeout?: Duration | undefined;
  /** Bytes of the answer's body. @default '1mb' */
  readonly maxSize?: Size | undefined;
  /** Keeps verdicts for a time. @default false */
  readonly cache?: Duration | false | ForwardCacheOptions | undefined;
  /** Fields of a 2xx with the user's name; the first that is there. @default ['Remote-User', 'X-Forwarded-User', 'X-Auth-Request-User'] */
  readonly userHeader?: string | readonly string[] | undefined;
  /** The same for the address. @default ['Remote-Email', 'X-Forwarded-Email', 'X-Auth-Request-Email'] */
  readonly emailHeader?: string | readonly string[] | undefined;
  /** The same for the groups, with commas in between. @default ['Remote-Groups', 'X-Forwarded-Groups', 'X-Auth-Request-Groups'] */
  readonly groupsHeader?: string | readonly string[] | undefined;
  /** TLS towards an `https:` URL. */
  readonly tls?: TlsOptions | undefined;
}

const url = z
  .custom<string | URL>((value) => typeof value === 'string' || value instanceof URL, {
    error: ({ input }) =>
      `${quote(input)} is no URL; use one such as 'http://127.0.0.1:9091/api/verify'`,
  })
  .transform((input, context): URL => {
    const text = String(input);
    if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
      return refuse(context, text, "is no URL; use one such as 'http://127.0.0.1:9091/api/verify'");
    const parsed = new URL(text);
    if (parsed.username !== '' || parsed.password !== '')
      return refuse(context, text, 'has a user; the auth server gets the client’s credentials');
    if (parsed.hash !== '') return refuse(context, text, 'has a fragment; no server ever sees it');
    return parsed;
  });

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** A copy would change how the request is read, and with that more than who sends it. */
const taken =
  /^(?:accept|cache-control|content-|cookie|date|from|if-|link|origin|pragma|prefer|range|referer|sec-|set-cookie|trailer|user-agent|www-authenticate)/;

/** A field that servers behind may be told by the auth server. */
function targetProblem(name: string): string | undefined {
  if (!token.test(name)) return "is no field name; use one such as 'Remote-User'";
  const kind = fieldKind(name);
  const free = (kind === 'pass' || kind === 'identity') && !taken.test(name.toLowerCase());
  return free ? undefined : "has a meaning of its own; use a field such as 'Remote-User'";
}

const fieldName = z
  .string()
  .transform((name, context) =>
    token.test(name)
      ? name
      : refuse(context, name, "is no field name; use one such as 'Remote-User'"),
  );

const target = z.string().transform((name, context) => {
  const problem = targetProblem(name);
  return problem === undefined ? name : refuse(context, name, problem);
});

/** A field of the client's that the auth server may get: who the user is, it would have to believe. */
const requestField = fieldName.transform((name, context) => {
  const kind = fieldKind(name);
  const sent = /^x-(?:forwarded|original|rewrite|sekisho)-/i.test(name);
  return (kind === 'pass' || kind === 'claim') && !sent
    ? name
    : refuse(context, name, 'is nothing that a client can tell the auth server; leave it out');
});

/** One field, and by which name servers behind get it. */
export interface Copy {
  /** Lower-cased. */
  readonly from: string;
  readonly to: string;
}

const copies = z
  .union([
    z.array(target).transform((names) => names.map((name) => [name, name] as const)),
    z.record(fieldName, target).transform((table) => Object.entries(table)),
  ])
  .transform((pairs, context): Copy[] => {
    const twice = pairs.find(([, to], at) =>
      pairs.some(([, other], before) => before < at && other.toLowerCase() === to.toLowerCase()),
    );
    if (twice !== undefined) return refuse(context, twice[1], 'is named twice; name it once');
    return pairs.map(([from, to]) => ({ from: from.toLowerCase(), to }));
  });

/** Lower-cased names. */
const names = z
  .union([fieldName.transform((name) => [name]), z.array(fieldName)])
  .transform((given) => given.map((name) => name.toLowerCase()));

/** As `Set-Cookie` writes it (RFC 6265 §4.1.1). */
const cookieName = z
  .string()
  .transform((name, context) =>
    token.test(name)
      ? name
      : refuse(context, name, "is no name of a cookie; use one such as 'session'"),
  );

/** What the question itself says of the request. */
const said = [
  ...['X-Forwarded-Method', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port'],
  ...['X-Forwarded-Uri', 'X-Forwarded-For'],
  ...['X-Original-Method', 'X-Original-URI', 'X-Original-URL'],
];

/** A slip here would make one verdict of many. */
function unsaid(lower: string): boolean {
  return /^x-(?:forwarded|original)-/.test(lower) && !isSaid(lower);
}

function isSaid(lower: string): boolean {
  return said.some((name) => name.toLowerCase() === lower);
}

const cacheTable = schemaOf<ForwardCacheOptions>()({
  ttl: duration(),
  by: z
    .array(
      fieldName.transform((name, context) => {
        const lower = name.toLowerCase();
        return unsaid(lower)
          ? refuse(context, name, `is not said; said are ${said.join(', ')}`)
          : lower;
      }),
    )
    .min(1, {
      error: '[] would be one verdict for all; name the fields that the verdict depends on',
    })
    .optional(),
  refusals: flag(false),
  maxEntries: count(1).default(10_000),
});

const cache = z.union([
  z.literal(false),
  duration().transform((ttl) => cacheTable.parse({ ttl })),
  cacheTable,
]);

export type ForwardCacheSettings = z.output<typeof cacheTable>;

const schema = schemaOf<ForwardOptions>()({
  url,
  copyHeaders: copies.default([]),
  requestHeaders: z.array(requestField.transform((name) => name.toLowerCase())).optional(),
  cookies: z.array(cookieName).default([]),
  timeout: duration().default(5000),
  maxSize: size().default(1024 * 1024),
  cache: cache.default(false),
  userHeader: names.default(['remote-user', 'x-forwarded-user', 'x-auth-request-user']),
  emailHeader: names.default(['remote-email', 'x-forwarded-email', 'x-auth-request-email']),
  groupsHeader: names.default(['remote-groups', 'x-forwarded-groups', 'x-auth-request-groups']),
  tls: tlsField(),
});

export type ParsedForwardOptions = z.output<typeof schema>;

/** The `forward` option. */
export function forwardField(): z.ZodType<ParsedForwardOptions, ForwardOptions> {
  const refined = schema.superRefine((options, context) => {
    const { url: asked, tls, timeout, requestHeaders, cache: kept } = options;
    const problem = (option: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [option], message });
    };
    if (tls !== undefined && asked.protocol !== 'https:')
      problem('tls', `is given for ${quote(asked.origin)}; use https: or leave it out`);
    const by = kept === false ? [] : (kept.by ?? []);
    const unknown = by.find((name) => requestHeaders?.includes(name) === false && !isSaid(name));
    if (unknown !== undefined)
      problem(
        'cache',
        `by ${quote(unknown)}: the auth server does not get it; add it to requestHeaders`,
      );
    if (timeout === 0) problem('timeout', 'of 0 ms is too short; use one such as 5s');
  });
  return refined as z.ZodType<ParsedForwardOptions, ForwardOptions>;
}
