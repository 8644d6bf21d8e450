import type { JWTPayload } from 'jose';
import * as openid from 'openid-client';
import { clock } from '../core/clock.ts';
import { boundedFetch } from '../core/upstream/bounded-fetch.ts';
import { warn } from '../core/warn.ts';
import { unavailable } from './oidc-failures.ts';
import type { OidcSettings } from './oidc-options.ts';
import { isLoopback } from './oidc-site.ts';

const mostBytes = 1024 * 1024;
/** After the first failure; doubles up to the longest. */
const firstPause = 1000;
const longestPause = 30_000;

/** What the provider has given for a code or a refresh token. */
export interface Grant {
  readonly subject: string | undefined;
  readonly sid: string | undefined;
  readonly idToken: string | undefined;
  readonly info: JWTPayload | undefined;
  readonly refreshToken: string | undefined;
  /** Wall-clock milliseconds. */
  readonly accessUntil: number | undefined;
}

/** The provider, as openid-client speaks to it. Its metadata are fetched when first needed, and again while that fails. */
export class OidcClient {
  readonly settings: OidcSettings;
  #configuration: openid.Configuration | undefined;
  #fetching: Promise<openid.Configuration> | undefined;
  #failures = 0;
  #triedAt = 0;

  constructor(settings: OidcSettings) {
    this.settings = settings;
  }

  /** @throws {ProxyError} (rejects) 503, when the provider cannot be asked */
  async configuration(): Promise<openid.Configuration> {
    if (this.#configuration !== undefined) return this.#configuration;
    const pause =
      this.#failures === 0 ? 0 : Math.min(longestPause, firstPause * 2 ** (this.#failures - 1));
    if (this.#fetching === undefined && clock.monotonic() - this.#triedAt < pause)
      throw unavailable('the provider could not be reached a moment ago');
    return (this.#fetching ??= this.#discover().finally(() => (this.#fetching = undefined)));
  }

  /** @throws (rejects) what openid-client throws */
  async exchange(
    callback: URL,
    checks: openid.AuthorizationCodeGrantChecks,
  ): Promise<Grant & { readonly subject: string; readonly idToken: string }> {
    const configuration = await this.configuration();
    const tokens = await openid.authorizationCodeGrant(configuration, callback, checks);
    const { subject, idToken, ...grant } = await this.#granted(configuration, tokens, undefined);
    if (subject === undefined || idToken === undefined) throw new Error('there is no ID token');
    return { ...grant, subject, idToken };
  }

  /** @throws (rejects) what openid-client throws */
  async refresh(refreshToken: string, subject: string): Promise<Grant> {
    const configuration = await this.configuration();
    const tokens = await openid.refreshTokenGrant(configuration, refreshToken);
    return this.#granted(configuration, tokens, subject);
  }

  /** Tells the provider that a token is not needed any more (RFC 7009), if it wants to know. Never rejects. */
  async revoke(refreshToken: string): Promise<void> {
    try {
      const configuration = await this.configuration();
      if (configuration.serverMetadata().revocation_endpoint !== undefined)
        await openid.tokenRevocation(configuration, refreshToken);
    } catch (error) {
      warn('SEKISHO_OIDC', 'authGate: a refresh token could not be revoked at logout', error);
    }
  }

  async #granted(
    configuration: openid.Configuration,
    tokens: openid.TokenEndpointResponse & openid.TokenEndpointResponseHelpers,
    before: string | undefined,
  ): Promise<Grant> {
    const claims = tokens.claims();
    const subject = claims?.sub ?? before;
    // OpenID Connect Core §12.2: a refreshed ID token is about the same user.
    if (before !== undefined && subject !== before) throw new Error('tokens of another user');
    const { userinfo_endpoint: endpoint } = configuration.serverMetadata();
    const info =
      this.settings.userinfo && endpoint !== undefined && subject !== undefined
        ? await openid.fetchUserInfo(configuration, tokens.access_token, subject)
        : undefined;
    const lifetime = tokens.expiresIn();
    return {
      subject,
      sid: typeof claims?.sid === 'string' ? claims.sid : undefined,
      idToken: tokens.id_token,
      info: info as JWTPayload | undefined,
      refreshToken: tokens.refresh_token,
      accessUntil: lifetime === undefined ? undefined : clock.now() + lifetime * 1000,
    };
  }

  async #discover(): Promise<openid.Configuration> {
    const { issuer, clientId, clientSecret, clientAuthentication, allowInsecure } = this.settings;
    this.#triedAt = clock.monotonic();
    const authentication =
      clientSecret === false
        ? openid.None()
        : clientAuthentication === 'basic'
          ? openid.ClientSecretBasic(clientSecret)
          : openid.ClientSecretPost(clientSecret);
    try {
      const configuration = await openid.discovery(
        new URL(issuer),
        clientId,
        undefined,
        authentication,
        {
          [openid.customFetch]: this.#fetch,
          timeout: Math.max(1, Math.ceil(this.settings.timeout / 1000) + 1),
          // ID tokens are verified by their signatures, though they come from the provider itself.
          execute: [
            openid.enableNonRepudiationChecks,
            // eslint-disable-next-line @typescript-eslint/no-deprecated -- to stand out; the issuer is on this machine
            ...(allowInsecure ? [openid.allowInsecureRequests] : []),
          ],
        },
      );
      const { issuer: named } = configuration.serverMetadata();
      if (named !== issuer)
        throw new Error(`its metadata name the issuer '${named}', not '${issuer}'`);
      this.#failures = 0;
      this.#configuration = configuration;
      return configuration;
    } catch (error) {
      this.#failures++;
      const reason = reasonOf(error);
      warn(
        'SEKISHO_OIDC',
        `authGate: nobody can log in, as the provider's metadata cannot be had: ${reason}`,
        error,
      );
      throw unavailable(`the metadata of the provider: ${reason}`, error);
    }
  }

  readonly #fetch: openid.CustomFetch = (given, { method, headers, body }) => {
    const url = new URL(given);
    if (url.protocol !== 'https:' && !isLoopback(url.hostname))
      throw new Error(`${url.origin} is without TLS`);
    const { timeout } = this.settings;
    const sent = body === undefined || body === null ? undefined : bodyText(body);
    return boundedFetch(url, { method, headers, body: sent }, { timeout, maxSize: mostBytes });
  };

  /** Where the keys of the provider are. */
  async keysUrl(): Promise<URL> {
    const { jwks_uri: keys } = (await this.configuration()).serverMetadata();
    if (keys === undefined) throw new Error('the metadata of the provider name no jwks_uri');
    return new URL(keys);
  }
}

/** What openid-client sends are forms. */
function bodyText(body: openid.FetchBody): string {
  if (typeof body === 'string' || body instanceof URLSearchParams) return String(body);
  throw new TypeError('a body that is no form');
}

/** The innermost cause says what happened. */
function reasonOf(error: unknown): string {
  let { message, cause } = error as { message?: unknown; cause?: unknown };
  for (let depth = 0; depth < 4 && cause instanceof Error; depth++) ({ message, cause } = cause);
  return String(message);
}
