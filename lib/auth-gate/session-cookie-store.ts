import { LRUCache } from 'lru-cache';
import { clock } from '../core/clock.ts';
import { warn } from '../core/warn.ts';
import type { Seal } from './session-seal.ts';
import type { SharedSessions } from './session-shared.ts';
import type { Ended, SessionStore } from './session-store.ts';
import { asSession, type Session } from './session.ts';

/** Bytes of cookies whose sessions are remembered: what has been decrypted once need not be again. */
const mostRemembered = 8 * 1024 * 1024;

/** The session is in the cookie. That one has ended before its time only this process knows. */
export class CookieStore implements SessionStore {
  readonly keepsSeen = true;
  readonly #seal: Seal;
  readonly #shared: SharedSessions;
  readonly #opened = new LRUCache<string, Session>({
    maxSize: mostRemembered,
    sizeCalculation: (_session, value) => 2 * value.length + 200,
  });

  constructor(seal: Seal, shared: SharedSessions) {
    this.#seal = seal;
    this.#shared = shared;
  }

  find(value: string): Session | undefined | Promise<Session | undefined> {
    const known = this.#opened.get(value);
    return known === undefined ? this.#open(value) : this.#unlessEnded(known);
  }

  create(session: Session): Promise<string> {
    return this.#seal.seal(session);
  }

  replace(session: Session): Promise<string> {
    return this.#seal.seal(session);
  }

  end({ id }: Session): void {
    this.#shared.ended.set(id, true);
  }

  endAll({ sid, subject }: Ended): void {
    const { revoked } = this.#shared;
    const now = clock.now();
    if (sid !== undefined) revoked.set(`sid ${sid}`, now);
    // Of a session that has no name of the provider's, all that can be told is whose it is.
    if (subject !== undefined) revoked.set(`${sid === undefined ? 'sub' : 'bare'} ${subject}`, now);
  }

  firstTime(id: string, ttl: number): boolean {
    const { used } = this.#shared;
    const before = used.get(id);
    used.set(id, clock.now() + ttl);
    return before === undefined || before < clock.now();
  }

  exclusively<T>(_session: Session, work: () => Promise<T>): Promise<T> {
    return work();
  }

  close(): void {
    this.#opened.clear();
  }

  async #open(value: string): Promise<Session | undefined> {
    const session = asSession(await this.#seal.open(value));
    if (session === undefined) {
      warn('SEKISHO_SESSION', 'authGate: a session cookie is not ours, or was tampered with');
      return undefined;
    }
    this.#opened.set(value, session);
    return this.#unlessEnded(session);
  }

  #unlessEnded(session: Session): Session | undefined {
    const { id, sid, subject, createdAt } = session;
    const { ended, revoked } = this.#shared;
    const until = Math.max(
      revoked.get(`sub ${subject}`) ?? 0,
      sid === undefined ? (revoked.get(`bare ${subject}`) ?? 0) : 0,
    );
    const gone =
      ended.has(id) || createdAt <= until || (sid !== undefined && revoked.has(`sid ${sid}`));
    return gone ? undefined : session;
  }
}
