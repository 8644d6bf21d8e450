import { z } from 'zod';
import { duration, oneOf, quote, refuse, schemaOf, type Duration } from '../core/options.ts';
import type { RedisOptions } from '../core/redis.ts';
import { flag } from './flag.ts';
import { isLoopback } from './oidc-site.ts';
import { sessionField, type SessionOptions } from './session-options.ts';

export type { SessionOptions } from './session-options.ts';
export type { RedisOptions };

/** Login with an OpenID Connect provider: authorization code flow with PKCE (OpenID Connect Core §3.1, RFC 7636). */
export interface OidcOptions {
  /** The provider's name, exactly as its metadata have it; its metadata are found below it. */
  readonly issuer: string;
  /** How the provider knows this gateway. */
  readonly clientId: string;
  /** `false` for a public client, which the provider then knows by PKCE alone. */
  readonly clientSecret: string | false;
  /** How the secret is sent: `'basic'` in Authorization, `'post'` in the form (RFC 6749 §2.3.1). @default 'basic' */
  readonly clientAuthentication?: 'basic' | 'post' | undefined;
  /** The session that a login begins. */
  readonly session: SessionOptions;
  /**
   * The origin that users see, such as `'https://www.example.com'`. Without it the request's own protocol and host are taken,
   * and a client that sends another Host is held back only by the redirect URIs registered with the provider.
   * @default `req.protocol` and `req.host`
   */
  readonly baseUrl?: string | undefined;
  /** What the provider is asked for. With `offline_access`, or a provider that needs none, tokens are refreshed. @default 'openid profile email' */
  readonly scope?: string | undefined;
  /** Where the provider sends users back to: a whole path, whatever the gate is mounted at. @default '/oauth2/callback' */
  readonly redirectPath?: string | undefined;
  /** Where users log out, by a link on a page of yours, a form, or with a question in between. @default '/oauth2/logout' */
  readonly logoutPath?: string | undefined;
  /** Where the provider sends users after logout: a path, or a URL; to be registered with it. @default its own page */
  readonly postLogoutRedirect?: string | undefined;
  /** Where the provider tells us of logouts (OpenID Connect Back-Channel Logout). @default '/oauth2/backchannel-logout' */
  readonly backchannelLogoutPath?: string | undefined;
  /** Whether what the provider's userinfo endpoint says adds to the claims of the ID token. @default true */
  readonly userinfo?: boolean | undefined;
  /** The claim that is the user's name; the first of them that there is. @default ['preferred_username', 'email' (unless `email_verified` is false), 'sub'] */
  readonly nameClaim?: string | readonly string[] | undefined;
  /** The claim with the groups; dots go into nested ones: `'realm_access.roles'`. @default 'groups' */
  readonly groupsClaim?: string | undefined;
  /** Further parameters of the authorization request, such as `{ prompt: 'select_account' }`. @default none */
  readonly authorizationParameters?: Readonly<Record<string, string>> | undefined;
  /** For each request to the provider, to its last byte. @default '5s' */
  readonly timeout?: Duration | undefined;
  /** Allows a provider without TLS on this machine, for development and tests. @default false */
  readonly allowInsecure?: boolean | undefined;
}

/** What only we may say in an authorization request. */
const ownParameters: ReadonlySet<string> = new Set([
  ...['client_id', 'response_type', 'response_mode', 'redirect_uri', 'scope', 'state', 'nonce'],
  ...['code_challenge', 'code_challenge_method', 'request', 'request_uri'],
]);

function text(what: string): z.ZodType<string, string> {
  return z.custom<string>((value) => typeof value === 'string' && value !== '', {
    error: ({ input }) => `${quote(input)} is not allowed; use ${what}`,
  });
}

function path(example: string): z.ZodType<string, string> {
  return z.custom<string>(
    (value) =>
      typeof value === 'string' && /^(?:\/[\w.~-]+)+$/.test(value) && !value.includes('/.'),
    {
      error: ({ input }) =>
        `${quote(input)} is no path; use one such as '${example}', of letters, digits, '-', '_', '.' and '~'`,
    },
  );
}

const issuer = text("the provider's URL, such as 'https://login.example.com'").transform(
  (value, context) => {
    const url = URL.parse(value);
    return url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
      ? value
      : refuse(
          context,
          value,
          "is no URL of a provider; use one such as 'https://login.example.com'",
        );
  },
);

const baseUrl = text("an origin such as 'https://www.example.com'").transform((value, context) => {
  const url = URL.parse(value);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    (value !== url.origin && value !== url.href) ||
    url.pathname !== '/'
  )
    return refuse(context, value, "is no origin; use one such as 'https://www.example.com'");
  return url.protocol === 'https:' || isLoopback(url.hostname)
    ? url.origin
    : refuse(
        context,
        value,
        'is without TLS, in which cookies of a session are not safe; use https',
      );
});

const postLogoutRedirect = text("a path such as '/bye', or a URL").transform((value, context) =>
  /^\/(?![/\\])/.test(value) || /^https?:$/.test(URL.parse(value)?.protocol ?? '')
    ? value
    : refuse(context, value, "is neither a path such as '/bye' nor a URL"),
);

const clientSecret = z.custom<string | false>(
  (value) => value === false || (typeof value === 'string' && value !== ''),
  {
    // Never quoted, as it may be a secret nevertheless.
    error: ({ input }) =>
      `a value of type ${typeof input} is not allowed; use the secret that the provider gave you, or false for a public client`,
  },
);

const scope = text("scopes such as 'openid profile email'").transform((value, context) =>
  value.split(' ').includes('openid')
    ? value
    : refuse(context, value, "has no 'openid', without which it is no login; add it"),
);

const authorizationParameters = z
  .record(z.string(), z.string())
  .superRefine((parameters, context) => {
    for (const name of Object.keys(parameters))
      if (ownParameters.has(name)) refuse(context, name, 'is set by authGate itself; leave it out');
  });

const claim = "the name of a claim, such as 'sub'";

const schema = schemaOf<OidcOptions>()({
  issuer,
  clientId: text('the name that the provider knows this gateway by'),
  clientSecret,
  clientAuthentication: oneOf(['basic', 'post']).default('basic'),
  session: sessionField(),
  baseUrl: baseUrl.optional(),
  scope: scope.default('openid profile email'),
  redirectPath: path('/oauth2/callback').default('/oauth2/callback'),
  logoutPath: path('/oauth2/logout').default('/oauth2/logout'),
  postLogoutRedirect: postLogoutRedirect.optional(),
  backchannelLogoutPath: path('/oauth2/backchannel-logout').default('/oauth2/backchannel-logout'),
  userinfo: flag(true),
  nameClaim: z
    .union([text(claim).transform((name) => [name]), z.array(text(claim)).min(1)])
    .default(['preferred_username', 'email', 'sub']),
  groupsClaim: text("the name of a claim, such as 'groups'").default('groups'),
  authorizationParameters: authorizationParameters.default({}),
  timeout: duration().default(5000),
  allowInsecure: flag(false),
});

export type OidcSettings = z.output<typeof schema>;

/** The `oidc` option. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- held to OidcOptions by schemaOf
export function oidcField() {
  return schema.superRefine((options, context) => {
    const problem = issuerProblem(options);
    if (problem !== undefined)
      context.addIssue({ code: 'custom', path: ['issuer'], message: problem });
    const paths = [options.redirectPath, options.logoutPath, options.backchannelLogoutPath];
    if (new Set(paths).size < paths.length)
      context.addIssue({
        code: 'custom',
        message:
          'redirectPath, logoutPath and backchannelLogoutPath are not all different; make them so',
      });
  });
}

function issuerProblem({ issuer: given, allowInsecure }: OidcSettings): string | undefined {
  const url = URL.parse(given);
  if (url?.protocol !== 'http:') return undefined;
  if (!isLoopback(url.hostname))
    return `${quote(given)} is without TLS, so anybody on the way could log in as anybody; use https`;
  return allowInsecure
    ? undefined
    : `${quote(given)} is without TLS; use https, or allowInsecure: true for development on this machine`;
}
