import type { Request } from 'express';
import { z } from 'zod';
import type { AuthenticatedUser } from '../core/context.ts';
import { quote } from '../core/options.ts';
import { isThenable, withinTime } from './decision.ts';

/** Whether an authenticated user may do what he asks for. */
export type Allow = (user: AuthenticatedUser, req: Request) => boolean | Promise<boolean>;
/** A value a claim may have, or several of which one is enough. */
export type ClaimValue = string | number | boolean | readonly (string | number | boolean)[];

export interface Rules {
  readonly allow?: Allow | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly claims?: Readonly<Record<string, ClaimValue>> | undefined;
}

export function groupsField(): z.ZodType<readonly string[], readonly string[]> {
  return z
    .array(z.string().min(1, { error: "'' is no group" }))
    .min(1, { error: '[] would let nobody in; name a group, or leave it out' });
}

export function claimsField(): z.ZodType<
  Readonly<Record<string, ClaimValue>>,
  Readonly<Record<string, ClaimValue>>
> {
  const value = z.custom<ClaimValue>(
    (given) => (Array.isArray(given) ? given.length > 0 && given.every(isScalar) : isScalar(given)),
    {
      error: ({ input }) =>
        `${quote(input)} is not allowed; use a string, a number, a boolean or a list of them`,
    },
  );
  return z.record(z.string(), value);
}

/**
 * The rules as one question; undefined when there are none. All of them have to be met. Throws or rejects
 * when `allow` fails, or says anything but true or false: whatever that means, it is no pass.
 */
export function authorization({ allow, groups, claims }: Rules): Allow | undefined {
  if (allow === undefined && groups === undefined && claims === undefined) return undefined;
  const wanted = Object.entries(claims ?? {});
  return (user, req) => {
    if (groups !== undefined && !groups.some((group) => user.groups.includes(group))) return false;
    if (!wanted.every(([name, value]) => hasClaim(user.claims, name, value))) return false;
    if (allow === undefined) return true;
    const allowed: unknown = allow(user, req);
    return isThenable(allowed)
      ? withinTime(Promise.resolve(allowed).then(decided), 'allow')
      : decided(allowed);
  };
}

function decided(allowed: unknown): boolean {
  if (typeof allowed === 'boolean') return allowed;
  throw new TypeError(`allow returned ${quote(allowed)}, not true or false`);
}

function hasClaim(
  claims: Readonly<Record<string, unknown>>,
  name: string,
  wanted: ClaimValue,
): boolean {
  if (!Object.hasOwn(claims, name)) return false;
  const claim = claims[name];
  // RFC 8693 §4.2: scopes are one string, separated by spaces.
  const has: readonly unknown[] =
    name === 'scope' && typeof claim === 'string' ? claim.split(' ') : [claim].flat();
  return [wanted].flat().some((value) => has.includes(value));
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}
