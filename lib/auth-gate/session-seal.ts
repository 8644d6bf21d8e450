import { createSecretKey, hash, hkdfSync, type KeyObject } from 'node:crypto';
import { compactDecrypt, CompactEncrypt, decodeProtectedHeader } from 'jose';

interface SealKey {
  readonly id: string;
  readonly key: KeyObject;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Encrypts values for cookies and stores: JWE (RFC 7516) with A256GCM and a key made of the secret by HKDF (RFC 5869). What is sealed
 * for one purpose cannot be opened for another.
 */
export class Seal {
  readonly #keys: readonly SealKey[];

  /** @param secrets the first one seals, all of them open */
  constructor(secrets: readonly string[], purpose: string) {
    this.#keys = secrets.map((secret) => {
      const bytes = Buffer.from(hkdfSync('sha256', secret, 'sekisho', purpose, 32));
      return { id: hash('sha256', bytes, 'base64url').slice(0, 8), key: createSecretKey(bytes) };
    });
  }

  seal(value: unknown): Promise<string> {
    const { id, key } = this.#keys[0] as SealKey;
    return new CompactEncrypt(encoder.encode(JSON.stringify(value)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: id })
      .encrypt(key);
  }

  /** @returns undefined when it was not sealed by us, for this, with one of these secrets */
  async open(sealed: string): Promise<unknown> {
    try {
      const { kid } = decodeProtectedHeader(sealed);
      const found = this.#keys.find(({ id }) => id === kid);
      if (found === undefined) return undefined;
      const { plaintext } = await compactDecrypt(sealed, found.key, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return JSON.parse(decoder.decode(plaintext)) as unknown;
    } catch {
      return undefined;
    }
  }
}
