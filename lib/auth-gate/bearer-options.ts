import { z } from 'zod';
import type { JSONWebKeySet } from 'jose';
import {
  duration,
  oneOf,
  quote,
  refuse,
  schemaOf,
  size,
  type Duration,
  type Size,
} from '../core/options.ts';
import { defaultRealm, realmString } from './challenge.ts';

const asymmetric = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** With the bytes of secret each needs (RFC 7518 §3.2). */
const symmetric = { HS256: 32, HS384: 48, HS512: 64 } as const;

export type AsymmetricAlgorithm = (typeof asymmetric)[number];
export type SymmetricAlgorithm = keyof typeof symmetric;

/** How keys that are fetched are kept. */
export interface RemoteKeysOptions {
  /** Fetched keys are fetched anew, in the background, when they are older. @default '10m' */
  readonly maxAge?: Duration | undefined;
  /** For how long beyond `maxAge` they are used while the issuer cannot be reached; then it is 503. @default '1h' */
  readonly staleFor?: Duration | undefined;
  /** No token can make us fetch more often, whatever keys it names. @default '30s' */
  readonly cooldown?: Duration | undefined;
  /** For one fetch, to its last byte. @default '5s' */
  readonly timeout?: Duration | undefined;
  /** Of the document. @default '256kb' */
  readonly maxSize?: Size | undefined;
}

/** JWTs in `Authorization: Bearer` (RFC 6750 §2.1), or in `Proxy-Authorization` when we are the client's forward proxy. */
export interface BearerOptions {
  /** Whose tokens are taken: their `iss`, exactly. */
  readonly issuer: string | readonly string[];
  /**
   * Whom tokens must be for: one of these has to be in their `aud`. An issuer's tokens for other services would be taken
   * here, too, without it: so to do without has to be said, by `false`.
   */
  readonly audience: string | readonly string[] | false;
  /**
   * The issuer's keys: the URL of its JWK set, a file (JWK set or PEM, read once), PEM of a public key or certificate,
   * or a JWK set. @default found by the issuer's metadata (OpenID Connect Discovery, else RFC 8414)
   */
  readonly jwks?: string | URL | JSONWebKeySet | undefined;
  /** In place of `jwks`: a secret shared with the issuer, at least 32 bytes. @default none */
  readonly secret?: string | Uint8Array | undefined;
  /**
   * The signatures taken. `none` is never one of them, and HMAC only with `secret`.
   * @default RS, PS and ES with 256, 384, 512 bits, EdDSA, Ed25519; with `secret`: HS256
   */
  readonly algorithms?: readonly (AsymmetricAlgorithm | SymmetricAlgorithm)[] | undefined;
  /** By how much the issuer's clock may be off. @default '5s' */
  readonly clockTolerance?: Duration | undefined;
  /** Claims a token must have. @default ['exp'] */
  readonly requiredClaims?: readonly string[] | undefined;
  /** The oldest a token may be, by its `iat`. @default no limit but its `exp` */
  readonly maxTokenAge?: Duration | undefined;
  /** The `typ` a token must have, e.g. `'at+jwt'` (RFC 9068), which keeps ID tokens out. @default any */
  readonly typ?: string | undefined;
  /** Scopes (RFC 6750 §3, claim `scope` or `scp`) a token must have, all of them; without it is 403. @default none */
  readonly scope?: string | readonly string[] | undefined;
  /**
   * The claim that is the user's name; the first of them that there is.
   * @default ['preferred_username', 'email' (unless `email_verified` is false), 'sub', 'client_id']
   */
  readonly nameClaim?: string | readonly string[] | undefined;
  /** The claim with the groups; dots go into nested ones: `'realm_access.roles'`. @default 'groups' */
  readonly groupsClaim?: string | undefined;
  /** Longer tokens are refused unread. @default '8kb' */
  readonly maxSize?: Size | undefined;
  /**
   * For how long a verified token is taken without checking its signature again, at most until it expires.
   * A key that the issuer withdraws goes on counting for so long. `false`: not at all. @default '5m'
   */
  readonly cache?: Duration | false | undefined;
  /** How keys that are fetched are kept. */
  readonly remote?: RemoteKeysOptions | undefined;
  /** Named in the challenge. @default 'Restricted' */
  readonly realm?: string | undefined;
}

function text(what: string): z.ZodType<string, string> {
  return z.custom<string>((value) => typeof value === 'string' && value !== '', {
    error: ({ input }) => `${quote(input)} is not allowed; use ${what}`,
  });
}

function texts(what: string): z.ZodType<string[], string | readonly string[]> {
  const one = text(what);
  return z.union([
    one.transform((value) => [value]),
    z.array(one).min(1, { error: `[] is empty; use ${what}` }),
  ]);
}

/** RFC 6749 §3.3: scope-token. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const scopes = texts("scopes such as 'read write'").transform((values, context) => {
  const tokens = values.flatMap((value) => value.split(' ')).filter((token) => token !== '');
  const wrong = tokens.find((token) => !scopeToken.test(token));
  return wrong === undefined && tokens.length > 0
    ? tokens
    : refuse(context, wrong ?? '', "is no scope; use one such as 'read' (RFC 6749 §3.3)");
});

const secret = z
  .custom<string | Uint8Array>(
    (value) => typeof value === 'string' || value instanceof Uint8Array,
    {
      // Never quoted, as it may be a secret nevertheless.
      error: ({ input }) => `a value of type ${typeof input} is not allowed; use a string or bytes`,
    },
  )
  .transform((value) =>
    typeof value === 'string' ? new TextEncoder().encode(value) : value.slice(),
  );

const jwks = z.custom<string | URL | JSONWebKeySet>(
  (value) =>
    (typeof value === 'string' && value !== '') || (typeof value === 'object' && value !== null),
  {
    error: ({ input }) =>
      `${quote(input)} is not allowed; use a URL such as 'https://login.example.com/jwks', a file, PEM or a JWK set`,
  },
);

const remote = schemaOf<RemoteKeysOptions>()({
  maxAge: duration().default(600_000),
  staleFor: duration().default(3_600_000),
  cooldown: duration().default(30_000),
  timeout: duration().default(5000),
  maxSize: size().default(256 * 1024),
});

const schema = schemaOf<BearerOptions>()({
  issuer: texts("the issuer's name, such as 'https://login.example.com'"),
  audience: z.union([
    z.custom<false>((value) => value === false, {
      error: ({ input }) =>
        `${quote(input)} is not allowed; name this service as tokens do, such as 'https://api.example.com', or say false to take the issuer's tokens for any service`,
    }),
    texts("this service's name, such as 'https://api.example.com', or false"),
  ]),
  jwks: jwks.optional(),
  secret: secret.optional(),
  algorithms: z
    .array(oneOf([...asymmetric, ...(Object.keys(symmetric) as SymmetricAlgorithm[])]))
    .min(1, { error: "[] is empty; name an algorithm such as 'RS256'" })
    .optional(),
  clockTolerance: duration().default(5000),
  requiredClaims: z.array(text("the name of a claim, such as 'exp'")).default(['exp']),
  maxTokenAge: duration().optional(),
  typ: text("a type such as 'at+jwt'").optional(),
  scope: scopes.optional(),
  nameClaim: texts("the name of a claim, such as 'sub'").optional(),
  groupsClaim: text("the name of a claim, such as 'groups'").default('groups'),
  maxSize: size().default(8 * 1024),
  cache: z.union([z.literal(false), duration()]).default(300_000),
  remote: remote.prefault({}),
  realm: realmString().default(defaultRealm),
});

export type ParsedBearerOptions = z.output<typeof schema>;

/** The `bearer` option. */
export function bearerField(): z.ZodType<ParsedBearerOptions, BearerOptions> {
  return schema.superRefine((options, context) => {
    const problem = keyProblem(options) ?? algorithmProblem(options);
    if (problem !== undefined)
      context.addIssue({ code: 'custom', path: [problem[0]], message: problem[1] });
  });
}

type Problem = readonly [option: string, message: string] | undefined;

function keyProblem({ jwks, secret, issuer }: ParsedBearerOptions): Problem {
  if (secret !== undefined)
    return jwks === undefined
      ? undefined
      : ['secret', 'is given besides jwks; give the one that the issuer signs with'];
  if (jwks !== undefined) return undefined;
  const [first = ''] = issuer;
  if (issuer.length > 1)
    return ['jwks', 'is missing; with several issuers it cannot be found by their metadata'];
  return isHttpUrl(first)
    ? undefined
    : ['jwks', `is missing; the issuer ${quote(first)} is no URL that could be asked for it`];
}

function algorithmProblem({ secret, algorithms = [] }: ParsedBearerOptions): Problem {
  for (const algorithm of algorithms) {
    const bytes = (symmetric as Partial<Record<string, number>>)[algorithm];
    if (bytes === undefined && secret !== undefined)
      return ['algorithms', `${quote(algorithm)} needs jwks, not a secret`];
    if (bytes !== undefined && secret === undefined)
      return ['algorithms', `${quote(algorithm)} needs the option secret; a published key is none`];
  }
  const needed = Math.max(...algorithms.map((name) => bytesFor(name)), symmetric.HS256);
  return secret === undefined || secret.length >= needed
    ? undefined
    : ['secret', `of ${secret.length} bytes is too short; use at least ${needed} random bytes`];
}

function bytesFor(algorithm: string): number {
  return (symmetric as Partial<Record<string, number>>)[algorithm] ?? 0;
}

export function isHttpUrl(value: string): boolean {
  return /^https?:\/\//i.test(value) && URL.canParse(value);
}

export function defaultAlgorithms(secret: Uint8Array | undefined): string[] {
  return secret === undefined ? [...asymmetric] : ['HS256'];
}
