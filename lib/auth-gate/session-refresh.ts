import { hash } from 'node:crypto';
import { clock } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import { warn } from '../core/warn.ts';
import type { OidcClient } from './oidc-client.ts';
import { isOutage, unavailable } from './oidc-failures.ts';
import type { SharedSessions } from './session-shared.ts';
import type { SessionStore } from './session-store.ts';
import type { Session } from './session.ts';

/** What has become of a session whose access token had expired. */
export type RefreshOutcome =
  | { readonly kind: 'refreshed'; readonly session: Session; readonly cookie: string | undefined }
  /** The provider does not want it to go on. */
  | { readonly kind: 'over' }
  /** It goes on as it is: the provider cannot be asked now. */
  | { readonly kind: 'later' };

/** One that is under way, or has been. */
export interface Refreshment {
  readonly outcome: Promise<RefreshOutcome>;
  /** Then the provider is asked again (monotonic milliseconds). */
  until: number;
}

/** The provider is asked again after so long when it could not be asked; milliseconds. */
const pause = 10_000;
const lookAgain = 100;
const mostLooks = 60;

/** Whether the access token has expired and there is a way to get another one. */
export function isToRefresh({ refreshToken, accessUntil }: Session, now: number): boolean {
  return refreshToken !== undefined && accessUntil !== undefined && now >= accessUntil;
}

/**
 * Refreshes the tokens of sessions. A refresh token may be good once only, so each is used once: who comes with the same one, at the
 * same time or a little later, gets what it has brought.
 */
export class Refresher {
  readonly #client: OidcClient;
  readonly #store: SessionStore;
  readonly #shared: SharedSessions;

  constructor(client: OidcClient, store: SessionStore, shared: SharedSessions) {
    this.#client = client;
    this.#store = store;
    this.#shared = shared;
  }

  /** @throws (rejects) when the store cannot be reached */
  refresh(session: Session, cookie: string): Promise<RefreshOutcome> {
    const { refreshed } = this.#shared;
    const key = hash('sha256', `${session.id} ${session.refreshToken ?? ''}`);
    const before = refreshed.get(key);
    if (before !== undefined && clock.monotonic() < before.until) return before.outcome;
    const refreshment: Refreshment = { outcome: this.#ask(session, cookie), until: Infinity };
    refreshed.set(key, refreshment);
    refreshment.outcome.then(
      ({ kind }) => {
        if (kind === 'later') refreshment.until = clock.monotonic() + pause;
      },
      () => refreshed.delete(key),
    );
    return refreshment.outcome;
  }

  async #ask(session: Session, cookie: string): Promise<RefreshOutcome> {
    for (let look = 0; look < mostLooks; look++) {
      const outcome = await this.#store.exclusively(session, () => this.#once(session, cookie));
      if (outcome !== undefined) return outcome;
      await new Promise<void>((resolve) => void clock.after(lookAgain, resolve));
      // Another process is at it: its result is in the store.
      const now = await this.#store.find(cookie);
      if (now === undefined) return { kind: 'over' };
      if (now.refreshToken !== session.refreshToken)
        return { kind: 'refreshed', session: now, cookie: undefined };
    }
    throw unavailable('another process does not come to an end with refreshing the session');
  }

  async #once(session: Session, cookie: string): Promise<RefreshOutcome> {
    const { refreshToken = '', subject } = session;
    // What is shared may have been refreshed since it was read.
    const current = this.#store.keepsSeen ? session : await this.#store.find(cookie);
    if (current === undefined) return { kind: 'over' };
    if (current.refreshToken !== refreshToken)
      return { kind: 'refreshed', session: current, cookie: undefined };
    try {
      const grant = await this.#client.refresh(refreshToken, subject);
      const next: Session = {
        ...session,
        idToken: grant.idToken ?? session.idToken,
        info: grant.info ?? session.info,
        refreshToken: grant.refreshToken ?? refreshToken,
        accessUntil: grant.accessUntil,
        seenAt: clock.now(),
      };
      return { kind: 'refreshed', session: next, cookie: await this.#store.replace(next) };
    } catch (error) {
      if (isOutage(error)) {
        warn(
          'SEKISHO_OIDC',
          'authGate: the provider cannot be asked to refresh sessions; they go on as they are',
          error,
        );
        return { kind: 'later' };
      }
      if (error instanceof ProxyError || isOfRedis(error)) throw error;
      await this.#store.end(session);
      return { kind: 'over' };
    }
  }
}

function isOfRedis(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_SEKISHO_REDIS';
}
