import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { readFileSync } from 'node:fs';

/** PEM, a file with it, or a JWK. */
export type KeyInput = string | Readonly<Record<string, unknown>>;

/** A public key as it is published: a JWK with `kid`, `alg` and `use`. */
export type PublishedKey = JsonWebKey & { readonly kid: string; readonly alg: string };

export interface SigningKey {
  readonly published: PublishedKey;
  /** The signature of a JWS (RFC 7518 §3), base64url. */
  readonly sign: (data: string) => string;
}

const curves: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};
const fewestRsaBits = 2048;
const file = 'a file with PEM, PEM or a JWK';

export function generatedKey(algorithm: 'ES256' | 'EdDSA'): SigningKey {
  const { privateKey } =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('ed25519');
  return signingKeyOf(privateKey);
}

/** @throws {Error} with a message that completes "key: …" and quotes no key */
export function signingKey(given: unknown): SigningKey {
  const readable = read(given);
  try {
    return signingKeyOf(
      typeof readable === 'string'
        ? createPrivateKey(readable)
        : createPrivateKey({ key: readable, format: 'jwk' }),
    );
  } catch (cause) {
    if (cause instanceof UnfitKeyError) throw cause;
    throw new Error(`is no private key without passphrase; use ${file}`, { cause });
  }
}

/** @throws {Error} with a message that completes "key: …" and quotes no key */
export function verifyingKey(given: unknown): PublishedKey {
  const readable = read(given);
  try {
    return publishedKey(
      typeof readable === 'string'
        ? createPublicKey(readable)
        : createPublicKey({ key: readable, format: 'jwk' }),
    );
  } catch (cause) {
    if (cause instanceof UnfitKeyError) throw cause;
    throw new Error(`has a member that is no key; use ${file}`, { cause });
  }
}

class UnfitKeyError extends Error {}

function read(given: unknown): string | JsonWebKey {
  if (typeof given === 'object' && given !== null) return given as JsonWebKey;
  if (typeof given !== 'string' || given === '')
    throw new Error(`a value of type ${typeof given} is not allowed; use ${file}`);
  if (given.includes('-----BEGIN ')) return given;
  try {
    return readFileSync(given, 'utf8');
  } catch (cause) {
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
    // What is no path may be a key that somebody has mangled.
    const shown = given.length <= 200 && !given.includes('\n') ? `the file ${given}` : 'the file';
    throw new Error(`${shown} cannot be read (${code}); use ${file}`, { cause });
  }
}

function signingKeyOf(key: KeyObject): SigningKey {
  const published = publishedKey(createPublicKey(key));
  const { alg } = published;
  const digest = alg === 'EdDSA' ? null : `sha${alg.slice(2)}`;
  return {
    published,
    sign: (data) =>
      sign(digest, Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  };
}

function publishedKey(key: KeyObject): PublishedKey {
  const alg = algorithmOf(key);
  const jwk = key.export({ format: 'jwk' });
  return { ...jwk, kid: thumbprint(jwk), alg, use: 'sig' };
}

function algorithmOf({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): string {
  const { namedCurve = '', modulusLength = 0 } = details ?? {};
  if (type === 'ed25519') return 'EdDSA';
  if (type === 'rsa' && modulusLength >= fewestRsaBits) return 'RS256';
  const alg = type === 'ec' ? curves[namedCurve] : undefined;
  if (alg !== undefined) return alg;
  throw new UnfitKeyError(
    `is of a kind that is not used (${type ?? 'unknown'}); use P-256, P-384, P-521, Ed25519, or RSA with ${fewestRsaBits} bits or more`,
  );
}

/** RFC 7638: the same key has the same id in every process. */
function thumbprint({ crv, e, kty, n, x, y }: JsonWebKey): string {
  const members =
    kty === 'RSA' ? { e, kty, n } : kty === 'EC' ? { crv, kty, x, y } : { crv, kty, x };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}
