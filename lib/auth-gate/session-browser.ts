import type { Request, Response } from 'express';
import { clock } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import { warn } from '../core/warn.ts';
import { isPromise } from './decision.ts';
import type { OidcClient } from './oidc-client.ts';
import type { Site } from './oidc-site.ts';
import { CookieStore } from './session-cookie-store.ts';
import type { GateCookies, SessionCookies } from './session-cookies.ts';
import type { SessionSettings } from './session-options.ts';
import { RedisStore } from './session-redis-store.ts';
import { isToRefresh, Refresher } from './session-refresh.ts';
import { Seal } from './session-seal.ts';
import type { SharedSessions } from './session-shared.ts';
import type { SessionStore } from './session-store.ts';
import { isAlive, isToBeSeen, remainingOf, type Session } from './session.ts';

/** One request, with the gate's cookies it has. */
export interface Visit {
  readonly req: Request;
  readonly res: Response;
  readonly site: Site;
  readonly cookies: GateCookies;
}

/** Sessions as browsers have them: the way between cookies and a store. */
export class BrowserSessions {
  readonly store: SessionStore;
  readonly #settings: SessionSettings;
  readonly #cookies: SessionCookies;
  readonly #refresher: Refresher;

  constructor(
    settings: SessionSettings,
    realm: string,
    cookies: SessionCookies,
    client: OidcClient,
    shared: SharedSessions,
  ) {
    const { secret, store } = settings;
    const seal = new Seal(secret, `session ${realm}`);
    this.#settings = settings;
    this.#cookies = cookies;
    this.store =
      store === undefined
        ? new CookieStore(seal, shared)
        : new RedisStore(store, seal, settings, realm);
    this.#refresher = new Refresher(client, this.store, shared);
  }

  /** The session of a request, refreshed and prolonged where that is due. Rejects when the store cannot be reached. */
  find(visit: Visit): Session | undefined | Promise<Session | undefined> {
    const value = this.#cookies.value(visit.cookies);
    if (value === undefined) return undefined;
    const found = this.store.find(value);
    return isPromise(found)
      ? found.then((session) => this.#current(visit, value, session))
      : this.#current(visit, value, found);
  }

  async start(visit: Visit, session: Session): Promise<void> {
    await this.#endBefore(visit);
    const value = await this.store.create(session);
    if (this.#write(visit, session, value)) return;
    const detail = 'the session is too large for cookies; use session.store';
    warn('SEKISHO_SESSION', `authGate: ${detail}`);
    throw new ProxyError('ERR_SEKISHO_AUTH_UNAVAILABLE', { detail });
  }

  /** @returns what has been ended */
  async end(visit: Visit): Promise<Session | undefined> {
    const session = await this.#endBefore(visit);
    this.#cookies.clear(visit.res, visit.site, visit.cookies);
    return session;
  }

  close(): void {
    this.store.close();
  }

  async #endBefore({ cookies }: Visit): Promise<Session | undefined> {
    const value = this.#cookies.value(cookies);
    const session = value === undefined ? undefined : await this.store.find(value);
    if (session !== undefined) await this.store.end(session);
    return session;
  }

  #current(
    visit: Visit,
    value: string,
    session: Session | undefined,
  ): Session | undefined | Promise<Session | undefined> {
    const now = clock.now();
    if (session === undefined || !isAlive(session, this.#settings, now)) return undefined;
    if (isToRefresh(session, now)) return this.#refreshed(visit, value, session);
    return this.#seen(visit, session, now);
  }

  async #refreshed(visit: Visit, value: string, session: Session): Promise<Session | undefined> {
    const outcome = await this.#refresher.refresh(session, value);
    if (outcome.kind === 'over') {
      this.#cookies.clear(visit.res, visit.site, visit.cookies);
      return undefined;
    }
    if (outcome.kind === 'later') return this.#seen(visit, session, clock.now());
    if (outcome.cookie !== undefined) this.#write(visit, outcome.session, outcome.cookie);
    return outcome.session;
  }

  #seen(visit: Visit, session: Session, now: number): Session | Promise<Session> {
    if (!this.store.keepsSeen || !isToBeSeen(session, this.#settings, now)) return session;
    const seen = { ...session, seenAt: now };
    return this.store.replace(seen).then((value) => {
      if (value !== undefined) this.#write(visit, seen, value);
      return seen;
    });
  }

  #write({ res, site, cookies }: Visit, session: Session, value: string): boolean {
    const maxAge = remainingOf(session, this.#settings, clock.now());
    return this.#cookies.write(res, site, cookies, value, maxAge);
  }
}
