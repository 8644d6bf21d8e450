import { z } from 'zod';
import { fieldKind } from '../core/http/field-kinds.ts';
import { duration, oneOf, quote, refuse, schemaOf, type Duration } from '../core/options.ts';
import { signingKey, verifyingKey, type KeyInput, type SigningKey } from './assertion-key.ts';

/** A JWT that says who the user is, signed by the gate. */
export interface AssertionOptions {
  /** The field it is sent in. @default 'X-Sekisho-Assertion' */
  readonly header?: string | undefined;
  /**
   * The private key: PEM, a file with it (read once) or a JWK; of P-256, P-384, P-521, Ed25519 or RSA. In a list the first one
   * signs, and the others, which may be public keys, are published with it: so keys are changed without a gap.
   * Processes behind one name need the same. @default one that the process makes for itself
   */
  readonly key?: KeyInput | readonly KeyInput[] | undefined;
  /** For keys that the process makes. @default 'ES256' */
  readonly algorithm?: 'ES256' | 'EdDSA' | undefined;
  /** Keys that the process makes are used for so long; the one before and the one to come are published, too. @default '24h' */
  readonly rotation?: Duration | undefined;
  /** `iss`. @default 'sekisho' */
  readonly issuer?: string | undefined;
  /** `aud`: the servers it is meant for, so that they cannot use it with others. @default none */
  readonly audience?: string | readonly string[] | undefined;
  /** From `iat` to `exp`; one is used for up to half of it. @default '60s' */
  readonly lifetime?: Duration | undefined;
}

/** How servers behind are told who the user is. `false` leaves a field out. */
export interface IdentityHeadersOptions {
  /** @default 'X-Forwarded-User' */
  readonly user?: string | false | undefined;
  /** @default 'X-Forwarded-Email' */
  readonly email?: string | false | undefined;
  /** Names with commas in between. @default 'X-Forwarded-Groups' */
  readonly groups?: string | false | undefined;
  /** A short-lived JWT, which cannot be forged. @default true */
  readonly assertion?: boolean | AssertionOptions | undefined;
}

/** Fields with a meaning of their own: a client's would be taken out on every route. */
const taken =
  /^(?:accept|authorization|cache-control|content-|cookie|date|from|if-|link|origin|pragma|prefer|range|referer|sec-|set-cookie|trailer|user-agent|www-authenticate)/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const remedy = "use one such as 'X-Forwarded-User'";

function nameProblem(name: string): string | undefined {
  if (!token.test(name)) return `is no field name; ${remedy}`;
  const kind = fieldKind(name);
  const free = (kind === 'pass' || kind === 'identity') && !taken.test(name.toLowerCase());
  return free ? undefined : `has a meaning of its own; ${remedy}`;
}

const fieldName = z.string().transform((name, context) => {
  const problem = nameProblem(name);
  return problem === undefined ? name : refuse(context, name, problem);
});

/** Not a union: its message would be about the branch that nobody meant. */
const fieldNameOrNone = z
  .custom<string | false>((value) => value === false || typeof value === 'string', {
    error: ({ input }) => `${quote(input)} is not allowed; use a field name or false`,
  })
  .transform((name, context) => {
    const problem = name === false ? undefined : nameProblem(name);
    return problem === undefined ? name : refuse(context, name, problem);
  });

const word = z.string().min(1, { error: "'' is empty; leave it out" });

const assertion = schemaOf<AssertionOptions>()({
  header: fieldName.default('X-Sekisho-Assertion'),
  key: z
    .custom<KeyInput | readonly KeyInput[]>(() => true)
    .transform((given, context) => {
      const [first, ...others] = Array.isArray(given) ? (given as KeyInput[]) : [given as KeyInput];
      try {
        const signing: SigningKey = signingKey(first);
        return { signing, others: others.map(verifyingKey) };
      } catch (error) {
        // The value may be a private key: it is not quoted.
        context.addIssue({ code: 'custom', message: (error as Error).message });
        return z.NEVER;
      }
    })
    .optional(),
  algorithm: oneOf(['ES256', 'EdDSA']).optional(),
  rotation: duration().optional(),
  issuer: word.default('sekisho'),
  audience: z.union([word, z.array(word).min(1)]).optional(),
  lifetime: duration().default(60_000),
}).superRefine(({ key, algorithm, rotation, lifetime }, context) => {
  const problem = (option: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [option], message });
  };
  if (lifetime < 2000) problem('lifetime', `of ${lifetime} ms is too short; use 2 s or more`);
  if (rotation !== undefined && rotation < 2 * lifetime)
    problem('rotation', `of ${rotation} ms is too short; use twice the lifetime or more`);
  for (const [option, value] of Object.entries({ algorithm, rotation }))
    if (key !== undefined && value !== undefined)
      problem(option, 'is for keys that the process makes; leave it out, the key is given');
});

export type AssertionSettings = z.output<typeof assertion>;

const schema = schemaOf<IdentityHeadersOptions>()({
  user: fieldNameOrNone.default('X-Forwarded-User'),
  email: fieldNameOrNone.default('X-Forwarded-Email'),
  groups: fieldNameOrNone.default('X-Forwarded-Groups'),
  assertion: z
    .union([z.boolean().transform((on) => (on ? assertion.parse({}) : false)), assertion])
    .prefault(true),
}).superRefine((options, context) => {
  const names = namesOf(options).map((name) => name.toLowerCase());
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    refuse(context, twice, 'is used twice; give each of the fields a name of its own');
});

export type IdentitySettings = z.output<typeof schema>;

/** The names of the fields that are sent. */
export function namesOf({
  user,
  email,
  groups,
  assertion: signed,
}: Pick<IdentitySettings, 'user' | 'email' | 'groups' | 'assertion'>): string[] {
  return [user, email, groups, signed !== false && signed.header].filter((name) => name !== false);
}

/** The `identityHeaders` option; undefined when it is off. */
export function identityField(): z.ZodType<
  IdentitySettings | undefined,
  boolean | IdentityHeadersOptions | undefined
> {
  return z
    .union([z.boolean().transform((on) => (on ? schema.parse({}) : undefined)), schema])
    .optional();
}
