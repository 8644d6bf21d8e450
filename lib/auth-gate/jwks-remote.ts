import { createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import { clock } from '../core/clock.ts';
import { fetchJson } from '../core/upstream/fetch-json.ts';
import { warn } from '../core/warn.ts';
import { KeysUnavailableError, type FindKey } from './jwks.ts';

/** All in milliseconds or bytes. */
export interface RemoteKeysSettings {
  readonly maxAge: number;
  readonly staleFor: number;
  readonly cooldown: number;
  readonly timeout: number;
  readonly maxSize: number;
}

/** After the first failure; doubles up to the cooldown. */
const firstPause = 1000;

/**
 * Keys that an issuer publishes. They are fetched when first needed, and anew in the background when they are older than
 * `maxAge`, or at once when a token names one that is not among them (it may have been rotated in). No kind
 * of token can make it fetch more often than once per `cooldown`.
 */
export class RemoteKeys {
  readonly #locate: () => Promise<URL>;
  readonly #settings: RemoteKeysSettings;
  /** Where the keys are; forgotten when they are not there any more. */
  #url: URL | undefined;
  #find: ReturnType<typeof createLocalJWKSet> | undefined;
  #fetchedAt = 0;
  #triedAt: number | undefined;
  #failures = 0;
  #failure: Error | undefined;
  #fetching: Promise<void> | undefined;

  constructor(locate: () => Promise<URL>, settings: RemoteKeysSettings) {
    this.#locate = locate;
    this.#settings = settings;
  }

  /** @throws {KeysUnavailableError} when there are no keys, or none that might not have been replaced */
  readonly find: FindKey = async (header, token) => {
    const { maxAge, staleFor } = this.#settings;
    const age = clock.monotonic() - this.#fetchedAt;
    if (this.#find === undefined || age >= maxAge + staleFor) {
      if (this.#mayFetch()) await this.#refresh();
      if (this.#find === undefined || this.#failure !== undefined) throw this.#unavailable();
    } else if (age >= maxAge && this.#mayFetch()) void this.#refresh();
    try {
      return await this.#find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      if (this.#mayFetch()) await this.#refresh();
      // The key may well be there by now: only the issuer could say.
      if (this.#failure !== undefined) throw this.#unavailable();
      return this.#find(header, token);
    }
  };

  #mayFetch(): boolean {
    if (this.#fetching !== undefined || this.#triedAt === undefined) return true;
    const { cooldown } = this.#settings;
    const pause =
      this.#failures === 0 ? cooldown : Math.min(cooldown, firstPause * 2 ** (this.#failures - 1));
    return clock.monotonic() - this.#triedAt >= pause;
  }

  /** Never rejects; whoever comes while it is under way waits for the same answer. */
  #refresh(): Promise<void> {
    return (this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined)));
  }

  async #fetch(): Promise<void> {
    const { timeout, maxSize } = this.#settings;
    this.#triedAt = clock.monotonic();
    try {
      this.#url ??= await this.#locate();
      const set = await fetchJson(this.#url, { timeout, maxSize });
      this.#find = usableSet(set, this.#url);
      this.#fetchedAt = clock.monotonic();
      this.#failures = 0;
      this.#failure = undefined;
    } catch (error) {
      this.#url = undefined;
      this.#failures++;
      this.#failure = error as Error;
      const meanwhile =
        this.#find === undefined ? 'tokens cannot be checked' : 'the keys fetched before are used';
      warn(
        'SEKISHO_JWKS',
        `authGate: the keys of the issuer could not be fetched (${this.#failure.message}); ${meanwhile}`,
        error,
      );
    }
  }

  #unavailable(): KeysUnavailableError {
    return new KeysUnavailableError(this.#failure?.message ?? 'the keys are being fetched', {
      cause: this.#failure,
    });
  }
}

function usableSet(set: unknown, { origin, pathname }: URL): ReturnType<typeof createLocalJWKSet> {
  try {
    return createLocalJWKSet(set as JSONWebKeySet);
  } catch {
    throw new Error(`${origin}${pathname}: no JWK set`);
  }
}
