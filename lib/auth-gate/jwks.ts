import type { CryptoKey, FlattenedJWSInput, JWTHeaderParameters } from 'jose';

/** Finds the key that a token says it is signed with; rejects with jose's `JWKSNoMatchingKey` when there is none. */
export type FindKey = (
  header: JWTHeaderParameters,
  token: FlattenedJWSInput,
) => Promise<CryptoKey> | CryptoKey;

/** The keys could not be had: nobody can tell whether a token is right. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}
