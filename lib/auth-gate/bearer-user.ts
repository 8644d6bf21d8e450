import type { JWTPayload } from 'jose';
import type { AuthenticatedUser } from '../core/context.ts';

export interface ClaimNames {
  /** The first that there is counts; undefined is the usual ones. */
  readonly nameClaim?: readonly string[] | undefined;
  readonly groupsClaim: string;
}

const usualNames = ['preferred_username', 'email', 'sub', 'client_id'];
const longestName = 256;

/** The user a verified token is about; undefined when it does not say, or says something no name can be. */
export function userOf(
  claims: JWTPayload,
  { nameClaim, groupsClaim }: ClaimNames,
): AuthenticatedUser | undefined {
  // Anybody could register with somebody else's address at an issuer that does not check it.
  const unverified = claims.email_verified === false || claims.email_verified === 'false';
  const email = unverified ? undefined : stringOf(claims.email);
  const name =
    nameClaim === undefined
      ? usualNames
          .map((claim) => (claim === 'email' ? email : stringOf(claims[claim])))
          .find((value) => value !== undefined)
      : nameClaim
          .map((claim) => stringOf(claimAt(claims, claim)))
          .find((value) => value !== undefined);
  if (name === undefined || !isName(name)) return undefined;
  return deepFrozen({
    name,
    scheme: 'bearer',
    email,
    groups: groupsOf(claimAt(claims, groupsClaim), groupsClaim),
    claims,
  });
}

/** Whether the token has all of these scopes (RFC 8693 §4.2; some issuers call the claim `scp`). */
export function hasScopes(claims: JWTPayload, scopes: readonly string[]): boolean {
  const given = new Set(
    [claims.scope, claims.scp].flat().flatMap((value) => stringOf(value)?.split(' ') ?? []),
  );
  return scopes.every((scope) => given.has(scope));
}

/** The claim of this name, else the one this path of names leads to. Names that are URLs have dots, too. */
function claimAt(claims: JWTPayload, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path
    .split('.')
    .reduce<unknown>(
      (inner, name) =>
        typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
          ? (inner as Record<string, unknown>)[name]
          : undefined,
      claims,
    );
}

/** A single string is a single group: only scopes are lists with spaces, `Domain Admins` are not. */
function groupsOf(value: unknown, claim: string): string[] {
  if (typeof value === 'string' && claim === 'scope') return value.split(' ').filter(Boolean);
  return [value].flat().filter((group): group is string => stringOf(group) !== undefined);
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Whatever is shown in logs and sent in fields: no control characters, on no line but its own. */
function isName(name: string): boolean {
  return name.length <= longestName && !/[\p{Cc}\u2028\u2029]/u.test(name);
}

/** One user stands for many requests: what a handler writes into it would be there for the next. */
function deepFrozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFrozen(inner);
  }
  return value;
}
