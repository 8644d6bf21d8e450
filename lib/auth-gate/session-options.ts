import { z } from 'zod';
import { duration, quote, refuse, schemaOf, type Duration } from '../core/options.ts';
import { checkRedis, redisShape, type RedisOptions } from '../core/redis.ts';

/** What a login begins: kept in an encrypted cookie, or in a Redis. */
export interface SessionOptions {
  /**
   * What sessions are encrypted with: at least 32 characters of chance, such as `openssl rand -base64 32` makes. Of a list the first
   * encrypts and all decrypt, so secrets can be changed without logging anybody out.
   */
  readonly secret: string | readonly string[];
  /** The name of the cookie; over https `__Host-` is put in front. @default 'sekisho-session' */
  readonly cookie?: string | undefined;
  /** How long a session lasts, whatever happens. @default '12 hours' */
  readonly maxAge?: Duration | undefined;
  /** After so long without a request it ends. @default '1 hour' */
  readonly idle?: Duration | undefined;
  /** A Redis that keeps the sessions, so that the cookie is but a random number. @default none: the cookie is the session */
  readonly store?: RedisOptions | undefined;
}

const fewestCharacters = 32;

function isSecret(value: unknown): boolean {
  return typeof value === 'string' && value.length >= fewestCharacters;
}

const secrets = z
  .custom<string | readonly string[]>(
    (value) =>
      isSecret(value) || (Array.isArray(value) && value.length > 0 && value.every(isSecret)),
    {
      // Never quoted: it may be a secret, if a short one.
      error: () =>
        `has to be a string of at least ${fewestCharacters} characters, or a list of them; make one by 'openssl rand -base64 32'`,
    },
  )
  .transform((value): string[] => (typeof value === 'string' ? [value] : [...value]));

const cookieName = z.custom<string>(
  (value) => typeof value === 'string' && /^(?!__)[\w-]{1,64}$/.test(value),
  {
    error: ({ input }) =>
      `${quote(input)} is no name of a cookie; use letters, digits, '-' and '_', without '__Host-' in front`,
  },
);

const schema = schemaOf<SessionOptions>()({
  secret: secrets,
  cookie: cookieName.default('sekisho-session'),
  maxAge: duration().default(12 * 3_600_000),
  idle: duration().default(3_600_000),
  store: schemaOf<RedisOptions>()(redisShape).superRefine(checkRedis).optional(),
}).superRefine(({ maxAge, idle }, context) => {
  if (maxAge < 1000) refuse(context, maxAge, "of 'maxAge' is too short; use a time such as '12h'");
  if (idle < 1000) refuse(context, idle, "of 'idle' is too short; use a time such as '1h'");
});

export type SessionSettings = z.output<typeof schema>;

// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- held to SessionOptions by schemaOf
export function sessionField() {
  return schema;
}
