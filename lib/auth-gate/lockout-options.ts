import { z } from 'zod';
import { count, duration, refuse, schemaOf, type Duration } from '../core/options.ts';
import { checkRedis, redisShape, type RedisOptions } from '../core/redis.ts';

/**
 * How many wrong guesses there may be. Three counters, each with its own number: of a user from one address, of a user from
 * anywhere, of an address whoever it claims to be.
 */
export interface LockoutOptions {
  /** Wrong credentials of one user from one address until that user is locked for that address. @default 5 */
  readonly attempts?: number;
  /**
   * Wrong credentials of one user from all addresses together until that user is locked for all addresses but those he has logged
   * in from during the last 30 days: nobody locks him out of his own office.
   * @default 10 times `attempts`
   */
  readonly userAttempts?: number;
  /** Wrong credentials from one address (IPv6: /64 network), for whichever users, until it is locked. @default 4 times `attempts` */
  readonly addressAttempts?: number;
  /** After so long without another one the wrong ones are forgotten. @default '15 minutes' */
  readonly window?: Duration;
  /** How long the first lock lasts; each further wrong attempt doubles it. @default '30s' */
  readonly base?: Duration;
  /** The longest a lock lasts. @default '15 minutes' */
  readonly max?: Duration;
  /**
   * A Redis in which several processes count together. While it is gone each counts for itself.
   * @default none: each process counts for itself
   */
  readonly store?: RedisOptions;
}

export type LockoutPolicy = z.output<ReturnType<typeof settings>>;

/** `true` stands for the defaults. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- held to LockoutOptions by schemaOf
export function lockoutField() {
  return z
    .union([z.boolean(), settings()])
    .optional()
    .transform((value) => (typeof value === 'object' ? value : whenTrue(value)));
}

function whenTrue(value: boolean | undefined): LockoutPolicy | undefined {
  return value === true ? settings().parse({}) : undefined;
}

function settings() {
  return schemaOf<LockoutOptions>()({
    attempts: count(1, 1_000_000).default(5),
    userAttempts: count(1, 1_000_000).optional(),
    addressAttempts: count(1, 1_000_000).optional(),
    window: duration().default(900_000),
    base: duration().default(30_000),
    max: duration().default(900_000),
    store: schemaOf<RedisOptions>()(redisShape).superRefine(checkRedis).optional(),
  }).superRefine(({ base, max, window }, context) => {
    if (base < 1) refuse(context, base, "of 'base' locks nobody; use a time such as '30s'");
    if (window < 1) refuse(context, window, "of 'window' forgets at once; use one such as '15m'");
    if (max < base) refuse(context, max, "of 'max' is less than 'base'; use at least as much");
  });
}
