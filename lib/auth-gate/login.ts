import { hash, randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import { buildAuthorizationUrl } from 'openid-client';
import { clock } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import type { LoginTickets, Ticket } from './login-ticket.ts';
import { returnPath } from './login-return.ts';
import type { OidcClient } from './oidc-client.ts';
import { exchangeFailure, loginFailed, providerRefusal } from './oidc-failures.ts';
import { checkSite, type Site } from './oidc-site.ts';
import type { GateCookies } from './session-cookies.ts';
import type { Session } from './session.ts';

/** Sends users to the provider, and makes a session of what they come back with. */
export class Login {
  readonly #client: OidcClient;
  readonly #tickets: LoginTickets;

  constructor(client: OidcClient, tickets: LoginTickets) {
    this.#client = client;
    this.#tickets = tickets;
  }

  /**
   * Redirects to the provider.
   *
   * @throws {ProxyError} (rejects) when the provider cannot be asked, or the site is none to log in at
   */
  async begin(req: Request, res: Response, site: Site, cookies: GateCookies): Promise<void> {
    checkSite(site);
    const configuration = await this.#client.configuration();
    const target = this.#targetOf(req);
    const { state, nonce, verifier } = await this.#tickets.issue(res, site, cookies, target);
    const { scope, redirectPath, authorizationParameters } = this.#client.settings;
    const url = buildAuthorizationUrl(configuration, {
      ...authorizationParameters,
      redirect_uri: site.origin + redirectPath,
      scope,
      state,
      nonce,
      code_challenge: hash('sha256', verifier, 'base64url'),
      code_challenge_method: 'S256',
    });
    res.redirect(302, url.href);
  }

  /**
   * @returns the session, and the page the user wanted
   * @throws {ProxyError} (rejects) when it is no login
   */
  async complete(
    req: Request,
    res: Response,
    site: Site,
    cookies: GateCookies,
  ): Promise<{ session: Session; target: string }> {
    checkSite(site);
    if (req.method !== 'GET')
      throw new ProxyError('ERR_SEKISHO_LOGIN_FAILED', { status: 405, headers: { Allow: 'GET' } });
    const { redirectPath } = this.#client.settings;
    const url = new URL(redirectPath, site.origin);
    url.search = queryOf(req.originalUrl);
    const ticket = await this.#ticketOf(url, res, site, cookies);
    const session = await this.#exchange(url, ticket);
    return { session, target: ticket.target };
  }

  async #ticketOf(url: URL, res: Response, site: Site, cookies: GateCookies): Promise<Ticket> {
    const states = url.searchParams.getAll('state');
    const [state] = states;
    const ticket =
      state === undefined || states.length > 1
        ? undefined
        : await this.#tickets.redeem(res, site, cookies, state);
    if (ticket === undefined)
      throw loginFailed('the state is unknown: used before, too old, or of another browser');
    return ticket;
  }

  async #exchange(url: URL, { state, nonce, verifier }: Ticket): Promise<Session> {
    const configuration = await this.#client.configuration();
    const metadata = configuration.serverMetadata();
    const issuers = url.searchParams.getAll('iss');
    const issMissing =
      metadata.authorization_response_iss_parameter_supported === true && issuers.length === 0;
    // RFC 9207 §2.4: the answer of another provider, mixed up with this one's.
    if (issMissing || issuers.some((issuer) => issuer !== metadata.issuer))
      throw loginFailed('the answer is of another issuer');
    const [error] = url.searchParams.getAll('error');
    if (error !== undefined) throw providerRefusal(error);
    if (url.searchParams.getAll('code').length !== 1) throw loginFailed('there is no code');
    try {
      const grant = await this.#client.exchange(url, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const now = clock.now();
      const id = randomBytes(32).toString('base64url');
      return { ...grant, id, createdAt: now, seenAt: now };
    } catch (failure) {
      throw exchangeFailure(failure);
    }
  }

  /** A login is no place to go to after a login. */
  #targetOf({ originalUrl }: Request): string {
    const { redirectPath, logoutPath } = this.#client.settings;
    const target = returnPath(originalUrl);
    return [redirectPath, logoutPath].includes(target.split('?', 1)[0] as string) ? '/' : target;
  }
}

function queryOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? '' : target.slice(mark);
}
