import type { Request, Response } from 'express';
import { contextOf, type AuthenticatedUser } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { isPromise } from './decision.ts';
import { isNavigation } from './login-navigation.ts';
import { LoginTickets } from './login-ticket.ts';
import { Login } from './login.ts';
import { BackchannelLogout } from './logout-backchannel.ts';
import { isWanted, Logout } from './logout.ts';
import { OidcClient } from './oidc-client.ts';
import { unavailable } from './oidc-failures.ts';
import type { OidcSettings } from './oidc-options.ts';
import { siteOf } from './oidc-site.ts';
import type { Scheme, Verdict } from './scheme.ts';
import { BrowserSessions, type Visit } from './session-browser.ts';
import { SessionCookies } from './session-cookies.ts';
import { Seal } from './session-seal.ts';
import { SharedSessions } from './session-shared.ts';
import { userOfSession, type Session } from './session.ts';

export { oidcField, type OidcOptions, type SessionOptions } from './oidc-options.ts';

const absent: Verdict = { kind: 'absent' };
const over: Verdict = { kind: 'absent', reason: 'a session that is over, or was never ours' };

/** Login with an OpenID Connect provider, and the session it begins. */
export function oidcScheme(settings: OidcSettings): Scheme {
  const { issuer, clientId, session: options, redirectPath, logoutPath } = settings;
  const { backchannelLogoutPath } = settings;
  const realm = `${issuer} ${clientId}`;
  const { secret, cookie } = options;
  const site = siteOf(settings.baseUrl);
  const shared = SharedSessions.of(realm, cookie, ...secret);
  const cookies = new SessionCookies(cookie);
  const client = new OidcClient(settings);
  const sessions = new BrowserSessions(options, realm, cookies, client, shared);
  const login = new Login(client, new LoginTickets(new Seal(secret, `login ${realm}`), cookies));
  const logout = new Logout(client);
  const backchannel = new BackchannelLogout(client, sessions.store);
  const users = new WeakMap<Session, AuthenticatedUser>();
  let closed = false;

  function visitOf(req: Request, res: Response, dryRun = false): Visit {
    const at = site(req);
    return { req, res, site: at, cookies: cookies.read(req, at, dryRun) };
  }

  function verdictOf(session: Session | undefined): Verdict {
    if (session === undefined) return over;
    const user = users.get(session) ?? userOfSession(session, settings);
    if (user === undefined) return absent;
    users.set(session, user);
    return { kind: 'user', user };
  }

  async function completeLogin(visit: Visit): Promise<void> {
    const { req, res } = visit;
    const { session, target } = await login.complete(req, res, visit.site, visit.cookies);
    if (userOfSession(session, settings) === undefined)
      throw new ProxyError('ERR_SEKISHO_AUTH_DENIED', {
        detail: 'oidc: the provider tells no name that could be one',
      });
    await sessions.start(visit, session);
    res.redirect(302, target);
  }

  async function leave(visit: Visit): Promise<void> {
    const { req, res } = visit;
    logout.checkMethod(req);
    if (!isWanted(req, visit.site)) {
      logout.ask(res);
      return;
    }
    await logout.leave(req, res, visit.site, await sessions.end(visit));
  }

  /** The paths that are the scheme's own; undefined for all others. */
  function answer(req: Request, res: Response): Promise<void> | undefined {
    const path = req.originalUrl.split('?', 1)[0];
    if (path === redirectPath) return completeLogin(visitOf(req, res));
    if (path === logoutPath) return leave(visitOf(req, res));
    if (path === backchannelLogoutPath) return backchannel.answer(req, res);
    return undefined;
  }

  return {
    name: 'oidc',
    authenticate(req, res, { dryRun }): Verdict | Promise<Verdict> {
      const context = contextOf(req);
      if (context.proxied) return absent;
      if (!dryRun && context.upgrade === undefined) {
        const answered = answer(req, res);
        if (answered !== undefined)
          return answered.then((): Verdict => ({ kind: 'answered' }), failed);
      }
      const visit = visitOf(req, res, dryRun);
      if (!visit.cookies.has('')) return absent;
      const session = sessions.find(visit);
      return isPromise(session) ? session.then(verdictOf).catch(failed) : verdictOf(session);
    },
    /** There is no challenge by which a browser could be made to log in with a provider. */
    challenge: () => undefined,
    async begin(req, res) {
      if (!isNavigation(req)) return false;
      const visit = visitOf(req, res);
      await login.begin(req, res, visit.site, visit.cookies);
      return true;
    },
    close() {
      if (closed) return;
      closed = true;
      sessions.close();
      shared.close();
    },
  };
}

function failed(error: unknown): Verdict {
  return {
    kind: 'failed',
    error:
      error instanceof ProxyError
        ? error
        : (error as { code?: unknown }).code === 'ERR_SEKISHO_REDIS'
          ? unavailable('the store of sessions cannot be reached', error)
          : new ProxyError('ERR_SEKISHO_HOOK', {
              detail: `oidc: ${(error as Error).message}`,
              cause: error,
            }),
  };
}
