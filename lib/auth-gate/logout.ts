import type { Request, Response } from 'express';
import { buildEndSessionUrl } from 'openid-client';
import { ProxyError } from '../core/errors.ts';
import type { OidcClient } from './oidc-client.ts';
import { askForLogout, goOn, loggedOut } from './oidc-pages.ts';
import type { Site } from './oidc-site.ts';
import type { Session } from './session.ts';

/**
 * Whether the user himself wants it: a form of our own pages, or a link on them. Browsers say where a request comes from; one
 * that does not has to show by POST that it has the cookie, which no other site can make it send (SameSite=Lax).
 */
export function isWanted({ method, headers }: Request, { origin }: Site): boolean {
  const from = headers['sec-fetch-site'];
  if (method === 'POST') {
    const { origin: said = origin } = headers;
    return (from === undefined || from === 'same-origin') && (said === origin || said === 'null');
  }
  return from === 'same-origin' && headers['sec-fetch-mode'] === 'navigate';
}

/** Logout by the user (OpenID Connect RP-Initiated Logout 1.0). */
export class Logout {
  readonly #client: OidcClient;

  constructor(client: OidcClient) {
    this.#client = client;
  }

  /** @throws {ProxyError} 405 */
  checkMethod({ method }: Request): void {
    if (!['GET', 'HEAD', 'POST'].includes(method))
      throw new ProxyError('ERR_SEKISHO_BAD_REQUEST', {
        status: 405,
        headers: { Allow: 'GET, HEAD, POST' },
        detail: 'oidc: logout is a GET or a POST',
      });
  }

  ask(res: Response): void {
    askForLogout(res, this.#client.settings.logoutPath);
  }

  /** Answers: ours is over, now the provider's. @param session as it was */
  async leave(req: Request, res: Response, site: Site, session?: Session): Promise<void> {
    if (session?.refreshToken !== undefined) void this.#client.revoke(session.refreshToken);
    const { postLogoutRedirect } = this.#client.settings;
    const back =
      postLogoutRedirect === undefined ? undefined : new URL(postLogoutRedirect, site.origin).href;
    const url = (session && (await this.#endSession(session, back))) ?? back;
    if (url === undefined) loggedOut(res);
    else if (req.method === 'POST') goOn(res, url);
    else res.setHeader('Cache-Control', 'no-store').redirect(302, url);
  }

  /** @returns undefined when the provider has no such endpoint, or cannot be asked for it */
  async #endSession({ idToken }: Session, back: string | undefined): Promise<string | undefined> {
    try {
      const configuration = await this.#client.configuration();
      if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
      return buildEndSessionUrl(configuration, {
        id_token_hint: idToken,
        ...(back === undefined ? {} : { post_logout_redirect_uri: back }),
      }).href;
    } catch {
      return undefined;
    }
  }
}
