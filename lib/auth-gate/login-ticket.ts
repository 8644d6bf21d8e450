import { hash, randomBytes } from 'node:crypto';
import type { Response } from 'express';
import { clock } from '../core/clock.ts';
import type { Site } from './oidc-site.ts';
import type { GateCookies, SessionCookies } from './session-cookies.ts';
import type { Seal } from './session-seal.ts';

/** How long a login may take. */
const lifetime = 15 * 60_000;
/** Logins under way in one browser, in as many tabs. */
const mostTickets = 5;
const start = '.login.';

/** What has to come back from the provider, and where the user wanted to go. */
export interface Ticket {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly target: string;
  /** Wall-clock milliseconds. */
  readonly until: number;
}

/** Logins under way: each in an encrypted cookie of its own, so that several tabs do not disturb each other. */
export class LoginTickets {
  readonly #seal: Seal;
  readonly #cookies: SessionCookies;

  constructor(seal: Seal, cookies: SessionCookies) {
    this.#seal = seal;
    this.#cookies = cookies;
  }

  async issue(res: Response, site: Site, cookies: GateCookies, target: string): Promise<Ticket> {
    const now = clock.now();
    const ticket = { ...chance(), target, until: now + lifetime };
    // Names begin with the time, so the oldest come first.
    const others = [...cookies.keys()].filter((rest) => rest.startsWith(start)).sort();
    for (const oldest of others.slice(0, Math.max(0, others.length - mostTickets + 1)))
      this.#cookies.set(res, site, oldest, '', 0);
    const sealed = await this.#seal.seal(ticket);
    const name = `${start}${Math.floor(now).toString(36)}${nameOf(ticket.state)}`;
    this.#cookies.set(res, site, name, sealed, lifetime);
    return ticket;
  }

  /** The ticket of this state, once: it is taken away from the browser. */
  async redeem(
    res: Response,
    site: Site,
    cookies: GateCookies,
    state: string,
  ): Promise<Ticket | undefined> {
    const end = nameOf(state);
    const name = [...cookies.keys()].find((rest) => rest.startsWith(start) && rest.endsWith(end));
    if (name === undefined) return undefined;
    this.#cookies.set(res, site, name, '', 0);
    const ticket = (await this.#seal.open(cookies.get(name) ?? '')) as Ticket | undefined;
    return ticket?.state === state && ticket.until > clock.now() ? ticket : undefined;
  }
}

function nameOf(state: string): string {
  return `.${hash('sha256', state, 'base64url').slice(0, 12)}`;
}

function chance(): Pick<Ticket, 'state' | 'nonce' | 'verifier'> {
  const [state, nonce, verifier] = [1, 2, 3].map(() => randomBytes(32).toString('base64url'));
  return { state, nonce, verifier } as Pick<Ticket, 'state' | 'nonce' | 'verifier'>;
}
