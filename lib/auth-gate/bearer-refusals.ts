import { errors } from 'jose';
import { ProxyError } from '../core/errors.ts';
import { KeysUnavailableError } from './jwks.ts';
import type { Verdict } from './scheme.ts';

export type Refusal = Extract<Verdict, { kind: 'refused' }>;

/** It was right once: no guess, so that clients that are slow to renew theirs lock nobody out. */
export const expired: Refusal = { ...refusal('the token has expired'), counts: false };
const tampered = refusal('the signature is wrong');
const unsupported = refusal('the token is signed in a way that is not taken');
const unknownKey = refusal('the key of the token is not one of the issuer');
const malformed = refusal('the token is malformed');
export const tooLong: Refusal = refusal('the token is too long');
export const nameless: Refusal = refusal('the token says no usable name');
export const unreadable: Refusal = {
  ...refusal('no token, or more than one'),
  error: 'invalid_request',
};

/** `error` is for the client (RFC 6750 §3.1), `reason` for the log. */
function refusal(reason: string): Refusal {
  return { kind: 'refused', reason, error: 'invalid_token' };
}

/** What follows from a failure of jose's, or of fetching keys. What is not known for a fault of the token fails. */
export function verdictOf(error: unknown): Verdict {
  if (error instanceof KeysUnavailableError) return unavailable(error.message, error.cause);
  if (error instanceof errors.JWTExpired) return expired;
  if (error instanceof errors.JWTClaimValidationFailed)
    // jose names a claim that it was told to look at, never its value.
    return refusal(
      `the claim ${error.claim} is ${error.reason === 'missing' ? 'missing' : 'wrong'}`,
    );
  if (error instanceof errors.JWSSignatureVerificationFailed) return tampered;
  if (error instanceof errors.JWKSNoMatchingKey) return unknownKey;
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return unsupported;
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return malformed;
  return unavailable('the key cannot be used', error);
}

function unavailable(detail: string, cause: unknown): Verdict {
  const error = new ProxyError('ERR_SEKISHO_AUTH_UNAVAILABLE', {
    detail: `bearer: ${detail}`,
    cause,
  });
  return { kind: 'failed', error };
}

/** `error_description` (RFC 6750 §3): what helps an honest client, and nothing about the inside. */
export function descriptionOf(refused: Refusal): string {
  if (refused.error === 'invalid_request') return 'The request has no token, or more than one';
  return refused.reason === expired.reason ? 'The token has expired' : 'The token is not accepted';
}
