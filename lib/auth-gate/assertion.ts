import { clock } from '../core/clock.ts';
import type { AuthenticatedUser } from '../core/context.ts';
import { generatedKey, type PublishedKey, type SigningKey } from './assertion-key.ts';
import type { AssertionSettings } from './identity-options.ts';

const usualRotation = 24 * 3_600_000;

/** Where the signing key comes from, and what of it is published. */
interface Keys {
  current(): SigningKey;
  published(): readonly PublishedKey[];
}

/**
 * Keys of this process: one signs, the one before it and the one to come are published with it. So a server that has
 * fetched them at any time since the last rotation knows the next one already.
 */
class RotatedKeys implements Keys {
  readonly #algorithm: 'ES256' | 'EdDSA';
  readonly #rotation: number;
  #before: SigningKey | undefined;
  #current: SigningKey;
  #next: SigningKey;
  #since: number;

  constructor(algorithm: 'ES256' | 'EdDSA', rotation: number) {
    this.#algorithm = algorithm;
    this.#rotation = rotation;
    this.#current = generatedKey(algorithm);
    this.#next = generatedKey(algorithm);
    this.#since = clock.monotonic();
  }

  current(): SigningKey {
    const now = clock.monotonic();
    if (now - this.#since >= this.#rotation) {
      this.#since = now;
      this.#before = this.#current;
      this.#current = this.#next;
      this.#next = generatedKey(this.#algorithm);
    }
    return this.#current;
  }

  published(): readonly PublishedKey[] {
    const current = this.current();
    return [current, this.#next, this.#before]
      .filter((key) => key !== undefined)
      .map(({ published }) => published);
  }
}

/** Signs JWTs that say who the user is. */
export class Assertions {
  readonly #settings: AssertionSettings;
  readonly #keys: Keys;
  /** Seconds for which the published keys may be kept. */
  readonly keysMaxAge: number;

  constructor(settings: AssertionSettings) {
    this.#settings = settings;
    const { key, algorithm = 'ES256', rotation = usualRotation } = settings;
    this.#keys =
      key === undefined
        ? new RotatedKeys(algorithm, rotation)
        : {
            current: () => key.signing,
            published: () => [key.signing.published, ...key.others],
          };
    this.keysMaxAge = Math.min(300, Math.floor(rotation / 2000));
  }

  /** @param now wall-clock milliseconds */
  sign({ name, email, groups }: AuthenticatedUser, now: number): string {
    const { issuer, audience, lifetime } = this.#settings;
    const { published, sign } = this.#keys.current();
    const iat = Math.floor(now / 1000);
    const header = { alg: published.alg, kid: published.kid, typ: 'JWT' };
    const claims = {
      iss: issuer,
      sub: name,
      aud: audience,
      iat,
      exp: iat + Math.ceil(lifetime / 1000),
      email,
      groups,
    };
    const data = `${encoded(header)}.${encoded(claims)}`;
    return `${data}.${sign(data)}`;
  }

  published(): readonly PublishedKey[] {
    return this.#keys.published();
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
