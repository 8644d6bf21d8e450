import type { JWTPayload } from 'jose';
import { decodeJwt } from 'jose';
import type { AuthenticatedUser } from '../core/context.ts';
import { userOf, type ClaimNames } from './bearer-user.ts';

/** What a login has begun. Times are wall-clock milliseconds. */
export interface Session {
  /** Random; nobody but the browser and the store has it. */
  readonly id: string;
  readonly subject: string;
  /** The provider's own name of its session with the user. */
  readonly sid?: string | undefined;
  readonly idToken: string;
  /** What the userinfo endpoint has said. */
  readonly info?: JWTPayload | undefined;
  readonly refreshToken?: string | undefined;
  /** When the access token expires. */
  readonly accessUntil?: number | undefined;
  readonly createdAt: number;
  readonly seenAt: number;
}

export interface Lifetime {
  readonly maxAge: number;
  readonly idle: number;
}

export function isAlive(session: Session, { maxAge, idle }: Lifetime, now: number): boolean {
  const { createdAt, seenAt } = session;
  return now < createdAt + maxAge && now < seenAt + idle;
}

/** How long its cookie, or its entry in a store, is good for; milliseconds. */
export function remainingOf({ createdAt }: Session, { maxAge }: Lifetime, now: number): number {
  return Math.max(1, createdAt + maxAge - now);
}

/** Idle times count by the last request; to write that down each time would cost a cookie each time. */
export function isToBeSeen({ seenAt }: Session, { idle }: Lifetime, now: number): boolean {
  return now - seenAt >= Math.min(60_000, idle / 4);
}

/** Who it is; undefined when the claims have nothing that can be a name. */
export function userOfSession(session: Session, names: ClaimNames): AuthenticatedUser | undefined {
  const claims = { ...decodeJwt(session.idToken), ...session.info };
  const user = userOf(claims, names);
  return user && Object.freeze({ ...user, scheme: 'oidc' });
}

/** What has been unsealed, or found in a store, is ours; but an older version of ours may have written it. */
export function asSession(value: unknown): Session | undefined {
  const { id, subject, idToken, createdAt, seenAt } = (value ?? {}) as Partial<Session>;
  const whole =
    [id, subject, idToken].every((part) => typeof part === 'string') &&
    [createdAt, seenAt].every((part) => typeof part === 'number');
  return whole ? (value as Session) : undefined;
}
