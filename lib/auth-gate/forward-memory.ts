import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { clock } from '../core/clock.ts';
import { lowerName } from '../core/http/memo.ts';
import type { Answer } from '../core/upstream/ask.ts';
import { valuesOf } from './forward-answer.ts';
import type { ForwardCacheSettings } from './forward-options.ts';

const mostRecent = 10_000;
/** Milliseconds for which Basic credentials that were right are no guess. */
const recently = 60_000;
const largestRefusal = 16 * 1024;
const mostBytes = 64 * 1024 * 1024;
/** Differ with each connection, and no verdict can depend on them. */
const arbitrary: ReadonlySet<string> = new Set(['sec-websocket-key']);

interface Kept {
  readonly answer: Answer;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/**
 * Verdicts of the auth server, kept for the time that the operator has stated. Kept is a keyed digest of the question, whose key dies
 * with the process, so that no credentials lie about.
 */
export class Verdicts {
  readonly #key = randomBytes(32).toString('base64');
  readonly #settings: ForwardCacheSettings;
  readonly #by: ReadonlySet<string> | undefined;
  readonly #kept: LRUCache<string, Kept>;

  constructor(settings: ForwardCacheSettings) {
    this.#settings = settings;
    this.#by = settings.by && new Set(settings.by);
    this.#kept = new LRUCache({
      max: settings.maxEntries,
      maxSize: mostBytes,
      sizeCalculation: ({ answer }) => 500 + answer.body.length + answer.fields.join('').length,
    });
  }

  digest(question: readonly string[]): string {
    const fields: string[] = [];
    for (let index = 0; index < question.length; index += 2) {
      const lower = lowerName(question[index] as string);
      if (this.#by === undefined ? arbitrary.has(lower) : !this.#by.has(lower)) continue;
      fields.push(lower, question[index + 1] as string);
    }
    // JSON keeps names and values apart; with a key at both ends it is what HMAC would be, at a fifth of the cost.
    return hash('sha256', this.#key + JSON.stringify(fields) + this.#key, 'base64');
  }

  get(digest: string): Answer | undefined {
    const kept = this.#kept.get(digest);
    if (kept === undefined) return undefined;
    if (clock.monotonic() < kept.until) return kept.answer;
    this.#kept.delete(digest);
    return undefined;
  }

  /** Keeps what may be kept. An answer with a cookie is one client's, and the next one would get its session. */
  set(digest: string, { status, fields, body }: Answer): void {
    const { ttl, refusals } = this.#settings;
    const passes = status < 300;
    const refuses = (status === 401 || status === 403) && body.length <= largestRefusal;
    if (!passes && !(refusals && refuses)) return;
    if (ttl === 0 || valuesOf(fields, 'set-cookie').length > 0) return;
    const answer = { status, fields, body: passes ? Buffer.alloc(0) : body };
    this.#kept.set(digest, { answer, until: clock.monotonic() + ttl });
  }
}

/** Credentials that the auth server has found right a short while ago: to send them again is no guess. */
export class RecentlyRight {
  readonly #key = randomBytes(32).toString('base64');
  readonly #until = new LRUCache<string, number>({ max: mostRecent });

  digest(credentials: string): string {
    return hash('sha256', this.#key + credentials + this.#key, 'base64');
  }

  has(digest: string): boolean {
    return clock.monotonic() < (this.#until.get(digest) ?? 0);
  }

  add(digest: string): void {
    this.#until.set(digest, clock.monotonic() + recently);
  }
}
