import { hash } from 'node:crypto';
import { clock } from '../core/clock.ts';
import { Redis, wholeTtl, type RedisInit } from '../core/redis.ts';
import type { Seal } from './session-seal.ts';
import type { Ended, SessionStore } from './session-store.ts';
import { asSession, remainingOf, type Lifetime, type Session } from './session.ts';

/** Sessions that one user is remembered to have; who has more is not logged out of the oldest by the provider. */
const mostPerUser = 1000;
const lockTime = 15_000;
/** What the cookie has: 32 random bytes. */
const idPattern = /^[\w-]{43}$/;

const indexScript = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -${mostPerUser + 1})
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`;

/**
 * Sessions in a Redis; the cookie has but a random id. Redis has digests of the ids and encrypted values, so who can read it can
 * neither take a session over nor see whose it is.
 */
export class RedisStore implements SessionStore {
  readonly keepsSeen = false;
  readonly #redis: Redis;
  readonly #seal: Seal;
  readonly #lifetime: Lifetime;
  readonly #realm: string;

  /** @param realm tells sessions of one client at one provider from others in the same Redis */
  constructor(store: Omit<RedisInit, 'without'>, seal: Seal, lifetime: Lifetime, realm: string) {
    this.#seal = seal;
    this.#lifetime = lifetime;
    this.#realm = realm;
    this.#redis = new Redis({
      ...store,
      prefix: `${store.prefix}session:`,
      without: 'authGate answers 503 to whoever has a session',
    });
  }

  async find(value: string): Promise<Session | undefined> {
    if (!idPattern.test(value)) return undefined;
    const ttl = wholeTtl(this.#lifetime.idle);
    const key = this.#key('id', value);
    const sealed = await this.#redis.run(key, ['GETEX', null, 'PX', ttl]);
    if (!Buffer.isBuffer(sealed)) return undefined;
    const session = asSession(await this.#seal.open(sealed.toString()));
    return session && { ...session, seenAt: clock.now() };
  }

  async create(session: Session): Promise<string> {
    const { id, sid, subject } = session;
    await this.#redis.set(this.#key('id', id), await this.#seal.seal(session), this.#ttl(session));
    await this.#index('sub', subject, session);
    if (sid === undefined) await this.#index('bare', subject, session);
    else await this.#index('sid', sid, session);
    return id;
  }

  async replace(session: Session): Promise<undefined> {
    const sealed = await this.#seal.seal(session);
    // Only where there is one still: it may have been ended meanwhile.
    const ttl = wholeTtl(this.#ttl(session));
    await this.#redis.run(this.#key('id', session.id), ['SET', null, sealed, 'XX', 'PX', ttl]);
  }

  async end({ id }: Session): Promise<void> {
    await this.#redis.delete(this.#key('id', id));
  }

  async endAll({ sid, subject }: Ended): Promise<void> {
    if (sid !== undefined) await this.#endListed(this.#key('sid', sid));
    // Of a session that has no name of the provider's, all that can be told is whose it is.
    if (subject !== undefined)
      await this.#endListed(this.#key(sid === undefined ? 'sub' : 'bare', subject));
  }

  async #endListed(index: string): Promise<void> {
    const found = await this.#redis.run(index, ['ZRANGE', null, '0', '-1']);
    if (!Array.isArray(found)) return;
    await Promise.all(found.map((key) => this.#redis.delete(String(key))));
    await this.#redis.delete(index);
  }

  firstTime(id: string, ttl: number): Promise<boolean> {
    return this.#redis.setIfAbsent(this.#key('jti', id), '1', ttl);
  }

  async exclusively<T>({ id }: Session, work: () => Promise<T>): Promise<T | undefined> {
    const lock = this.#key('lock', id);
    if (!(await this.#redis.setIfAbsent(lock, '1', lockTime))) return undefined;
    try {
      return await work();
    } finally {
      await this.#redis.delete(lock).catch(() => false);
    }
  }

  close(): void {
    this.#redis.close();
  }

  async #index(kind: 'sid' | 'sub' | 'bare', value: string, session: Session): Promise<void> {
    const { maxAge } = this.#lifetime;
    const now = clock.now();
    const args = [now, now + maxAge].map(String);
    await this.#redis.evaluate(indexScript, this.#key(kind, value), [
      ...args,
      this.#key('id', session.id),
      wholeTtl(maxAge),
    ]);
  }

  #ttl(session: Session): number {
    return Math.min(this.#lifetime.idle, remainingOf(session, this.#lifetime, clock.now()));
  }

  #key(kind: string, value: string): string {
    return `${kind}:${hash('sha256', JSON.stringify([this.#realm, value]), 'base64url')}`;
  }
}
