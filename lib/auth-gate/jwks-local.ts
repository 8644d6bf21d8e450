import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose';
import type { FindKey } from './jwks.ts';

/** Fewer bits are within reach of an attacker (RFC 7518 §3.3). */
const fewestRsaBits = 2048;
const curves: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/**
 * Keys that are given: a JWK set, or PEM of a public key or certificate; or a file with one of these.
 *
 * @throws {Error} with a message that completes "jwks: …", and that quotes no key
 */
export function localKeys(given: string | JSONWebKeySet): FindKey {
  if (typeof given !== 'string') return keysOfSet(given);
  if (given.includes('-----BEGIN ')) return keyOfPem(given);
  const text = contentOf(given);
  try {
    return text.includes('-----BEGIN ') ? keyOfPem(text) : keysOfSet(jsonOf(text));
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`the file ${given} cannot be used: ${message}`, { cause: error });
  }
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new Error(
      `the file ${file} cannot be read (${code}); use a URL, a readable file, PEM or a JWK set`,
      { cause: error },
    );
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('it is neither PEM nor JSON');
  }
}

function keyOfPem(pem: string): FindKey {
  const key = publicKeyOf(pem);
  const problem = keyProblem(key);
  if (problem !== undefined) throw new Error(problem);
  const find = createLocalJWKSet({ keys: [key.export({ format: 'jwk' })] });
  // A bare key has no id: whatever id a token names, it is this one.
  return ({ alg }) => find({ alg });
}

function publicKeyOf(pem: string): KeyObject {
  if (pem.includes('PRIVATE KEY'))
    throw new Error('it is a private key, which has no business here; give the public one');
  try {
    return pem.includes('BEGIN CERTIFICATE')
      ? new X509Certificate(pem).publicKey
      : createPublicKey(pem);
  } catch {
    throw new Error('it is no PEM of a public key or certificate');
  }
}

function keysOfSet(set: unknown): FindKey {
  const keys = (set as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error('it is no JWK set (RFC 7517 §5); use { keys: [...] }');
  let usable = 0;
  for (const [index, jwk] of (keys as unknown[]).entries()) {
    const problem = jwkProblem(jwk as JWK | null);
    if (problem === undefined) usable++;
    // RFC 7517 §5: keys of a kind one does not know are passed over.
    else if (problem !== 'unknown') throw new Error(`keys.${index} ${problem}`);
  }
  if (usable === 0) throw new Error('it has no key that could check a signature');
  return createLocalJWKSet(set as JSONWebKeySet);
}

function jwkProblem(jwk: JWK | null): string | undefined {
  if (typeof jwk !== 'object' || jwk === null) return 'is no JWK';
  if (jwk.kty === 'oct') return 'is a shared secret; use the option `secret` for that';
  if (jwk.d !== undefined) return 'is a private key; give the public part only';
  if (jwk.kty !== 'RSA' && jwk.kty !== 'EC' && jwk.kty !== 'OKP') return 'unknown';
  try {
    return keyProblem(createPublicKey({ key: jwk, format: 'jwk' }));
  } catch {
    return 'is malformed';
  }
}

function keyProblem(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa')
    return (details?.modulusLength ?? 0) < fewestRsaBits
      ? `is an RSA key of ${details?.modulusLength ?? 0} bits; use ${fewestRsaBits} or more`
      : undefined;
  if (type === 'ec')
    return curves.has(details?.namedCurve)
      ? undefined
      : 'is on a curve other than P-256, P-384, P-521';
  return type === 'ed25519' ? undefined : 'unknown';
}
