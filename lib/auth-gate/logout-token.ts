import { jwtVerify, type JWTPayload } from 'jose';
import { clock } from '../core/clock.ts';
import type { FindKey } from './jwks.ts';
import type { Ended } from './session-store.ts';

const event = 'http://schemas.openid.net/event/backchannel-logout';
/** Seconds. */
const tolerance = 60;
const oldest = 300;

/** What the provider may sign with; `none` and what needs a secret are not among them. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

export interface LogoutToken extends Ended {
  readonly jti: string;
}

/** For how long a token has to be remembered, so that it counts once; milliseconds. */
export const logoutTokenLifetime: number = (oldest + 2 * tolerance) * 1000;

/**
 * Validates a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6), save that it may have been used before.
 *
 * @throws {Error} (rejects) with a message without anything of the token
 */
export async function readLogoutToken(
  token: string,
  { issuer, clientId, keys }: { issuer: string; clientId: string; keys: FindKey },
): Promise<LogoutToken> {
  const { payload, protectedHeader } = await jwtVerify(token, keys, {
    issuer,
    audience: clientId,
    algorithms,
    currentDate: new Date(clock.now()),
    clockTolerance: tolerance,
    maxTokenAge: oldest,
    requiredClaims: ['iat', 'jti', 'events'],
  });
  // §2.4 recommends the type; who has another one was made for something else.
  if (!['logout+jwt', 'jwt', undefined].includes(protectedHeader.typ?.toLowerCase()))
    throw new Error('the type is another one');
  return claimsOf(payload);
}

function claimsOf({ jti, sid, sub, events, nonce }: JWTPayload): LogoutToken {
  const about = (events ?? {}) as Record<string, unknown>;
  if (typeof about !== 'object' || !Object.hasOwn(about, event) || typeof about[event] !== 'object')
    throw new Error('it is not about a logout');
  // §2.6: an ID token has one, and is none of these.
  if (nonce !== undefined) throw new Error('it has a nonce');
  if (typeof jti !== 'string' || jti === '') throw new Error('it has no jti');
  const session = typeof sid === 'string' && sid !== '' ? sid : undefined;
  const subject = typeof sub === 'string' && sub !== '' ? sub : undefined;
  if (session === undefined && subject === undefined) throw new Error('it has neither sub nor sid');
  return { jti, sid: session, subject };
}
