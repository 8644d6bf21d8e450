/**
 * A small model of what a shared cache may do (RFC 9111): an origin that remembers every answer it has given, and a
 * judge that says of each answer a client got whether that client may have had it.
 */
import assert from 'node:assert/strict';
import type { Request, Response } from 'express';
import type { Answer, Ask } from './support.ts';

/** How a resource is answered. */
export interface Resource {
  readonly control: Readonly<Partial<Record<Word, number | true>>>;
  readonly vary: '' | 'X-Lang' | 'X-Lang, Cookie' | '*';
  readonly etag: boolean;
  readonly setCookie: boolean;
  /** Seconds it has spent in caches before. */
  readonly age: number;
}

export type Word =
  | 'max-age'
  | 's-maxage'
  | 'no-store'
  | 'no-cache'
  | 'private'
  | 'public'
  | 'must-revalidate'
  | 'stale-while-revalidate'
  | 'stale-if-error';

/** What a client asks. */
export interface Wish {
  readonly resource: number;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly lang: string;
  readonly user: '' | 'cookie a' | 'cookie b' | 'auth a' | 'auth b';
  readonly control: '' | 'no-cache' | 'no-store' | 'only-if-cached' | WithSeconds;
  readonly condition: '' | 'current' | 'old';
  readonly range: boolean;
}
type WithSeconds =
  'max-age=3' | 'max-stale' | 'max-stale=5, max-age=100' | 'max-stale=5' | 'min-fresh=4';

interface Made {
  readonly id: string;
  readonly wish: Wish;
  readonly etag: string;
  readonly text: string;
  readonly at: number;
}

export class Model {
  readonly resources: readonly Resource[];
  readonly #now: () => number;
  readonly #run: number;
  readonly #wishes = new Map<string, Wish>();
  readonly #made: Made[] = [];
  readonly #versions: number[];
  /** First answer that no POST has made invalid, by resource. */
  readonly #valid: number[];
  /** When a tag was last confirmed, by resource and tag; and to whom. */
  readonly #confirmed = new Map<string, number>();
  readonly #confirmedTo = new Set<string>();
  #failing = 0;
  #lastFailure = -1;
  #asked = 0;
  readonly #askedBy = new Set<string>();
  hits = 0;

  constructor(run: number, resources: readonly Resource[], now: () => number) {
    this.resources = resources;
    this.#run = run;
    this.#now = now;
    this.#versions = resources.map(() => 1);
    this.#valid = resources.map(() => 0);
  }

  change(resource: number): void {
    this.#versions[resource] = (this.#versions[resource] ?? 0) + 1;
  }

  failNext(): void {
    this.#failing = 1;
  }

  /** The request of a wish, and what has to be known of it later. */
  wish(wish: Wish): { path: string; ask: Ask; judge: (answer: Answer) => void } {
    const id = `${this.#run}-${this.#wishes.size}`;
    this.#wishes.set(id, wish);
    const { resource, method, lang, user, control, condition, range } = wish;
    const version = this.#versions[resource] ?? 0;
    const tag = `"${condition === 'old' ? version - 1 : version}-${lang}"`;
    const [kind, name = ''] = user.split(' ');
    const headers: Record<string, string> = { 'X-Id': id, 'X-Lang': lang };
    if (kind === 'cookie') headers.Cookie = `user=${name}`;
    if (kind === 'auth') headers.Authorization = `Basic ${name}`;
    if (control !== '') headers['Cache-Control'] = control;
    if (method === 'GET' && condition !== '') headers['If-None-Match'] = tag;
    if (method === 'GET' && range) headers.Range = 'bytes=0-3';
    const asked = this.#asked;
    const failure = this.#lastFailure;
    return {
      path: `/${this.#run}-${resource}`,
      ask: { method, headers },
      judge: (answer) => {
        const seen = {
          id,
          wish,
          tag,
          asked: this.#asked > asked,
          failed: this.#lastFailure > failure,
        };
        this.#judge(answer, seen);
      },
    };
  }

  origin(req: Request, res: Response): void {
    this.#asked += 1;
    const id = req.get('x-id') ?? '';
    this.#askedBy.add(id);
    const wish = this.#wishes.get(id) as Wish;
    const { resource, lang } = wish;
    const { control, vary, etag, setCookie, age } = this.resources[resource] as Resource;
    if (this.#failing > 0) {
      this.#failing -= 1;
      this.#lastFailure = this.#asked;
      res.status(503).send('down');
      return;
    }
    if (req.method === 'POST') this.#valid[resource] = this.#made.length;
    const tag = `"${this.#versions[resource] ?? 0}-${lang}"`;
    const words = Object.entries(control).map(([word, by]) =>
      by === true ? word : `${word}=${by}`,
    );
    res.set({ Date: new Date(this.#now()).toUTCString(), 'Cache-Control': words.join(', ') });
    if (vary !== '') res.set('Vary', vary);
    if (etag) res.set('ETag', tag);
    if (age > 0) res.set('Age', String(age));
    if (etag && this.#matches(req.get('if-none-match'), tag)) {
      this.#confirmed.set(`${resource} ${tag}`, this.#now());
      this.#confirmedTo.add(`${id} ${tag}`);
      res.status(304).end();
      return;
    }
    // RFC 9111 §4.3.5: a HEAD confirms what has its tag.
    if (etag && req.method === 'HEAD') this.#confirmed.set(`${resource} ${tag}`, this.#now());
    if (setCookie) res.set('Set-Cookie', `for=${wish.user}`);
    const text = `${this.#made.length} of ${resource} in ${lang} for ${wish.user}`;
    if (req.method === 'GET') {
      res.set('X-Serial', String(this.#made.length));
      this.#made.push({ id, wish, etag: etag ? tag : '', text, at: this.#now() });
    }
    res.set('Content-Type', 'text/plain').end(text);
  }

  #matches(given: string | undefined, tag: string): boolean {
    return given?.split(/, ?/).includes(tag) === true;
  }

  #judge(answer: Answer, { id, wish, tag, asked, failed }: Seen): void {
    const { status, headers, body } = answer;
    assert.ok(answer.complete, 'complete');
    if (wish.method === 'POST') {
      assert.ok(asked, 'a POST reaches the origin');
      return;
    }
    if (status === 504) {
      assert.equal(wish.control, 'only-if-cached');
      return;
    }
    if (status === 503) {
      assert.ok(failed, '503 is what the origin said');
      return;
    }
    if (status === 304) {
      assert.deepEqual(
        [wish.condition !== '', headers.etag],
        [true, tag],
        'it is what the client has',
      );
      return;
    }
    const serial = Number(headers['x-serial']);
    const made = this.#made[serial];
    if (wish.method === 'HEAD' && headers['x-serial'] === undefined) return;
    assert.ok(made, `an answer the origin gave: ${status} ${body}`);
    const text = wish.method === 'HEAD' ? '' : status === 206 ? made.text.slice(0, 4) : made.text;
    assert.deepEqual(
      [status === 206 ? wish.range : status === 200, body],
      [true, text],
      'its body',
    );
    assert.equal(made.wish.resource, wish.resource, 'the right resource');
    if (made.id === id) return;
    this.hits += 1;
    this.#mayReuse(serial, made, { id, wish, tag, asked, failed });
  }

  #mayReuse(serial: number, made: Made, { id, wish, failed }: Seen): void {
    const { control, vary, setCookie, age: before } = this.resources[wish.resource] as Resource;
    const where = `${serial} given to ${id}: ${JSON.stringify(wish)}`;
    for (const word of ['no-store', 'private'] as const)
      assert.equal(control[word], undefined, `${word}, ${where}`);
    assert.ok(!setCookie && vary !== '*', `Set-Cookie or Vary: *, ${where}`);
    assert.notEqual(made.wish.control, 'no-store', where);
    const strict = control['must-revalidate'] === true || control['s-maxage'] !== undefined;
    if (made.wish.user.startsWith('auth'))
      assert.ok(strict || control.public === true, `another user's, ${where}`);
    if (vary !== '') assert.equal(made.wish.lang, wish.lang, where);
    if (vary.includes('Cookie')) assert.equal(cookieOf(made.wish), cookieOf(wish), where);
    if (this.#confirmedTo.has(`${id} ${made.etag}`)) return;
    const confirmed = this.#confirmed.get(`${wish.resource} ${made.etag}`) ?? made.at;
    const since = Math.max(made.at, confirmed);
    assert.ok(
      serial >= (this.#valid[wish.resource] ?? 0) || confirmed > made.at,
      `invalid, ${where}`,
    );
    assert.equal(control['no-cache'], undefined, `no-cache, ${where}`);
    const age = (this.#now() - since) / 1000 + before;
    const lifetime = Number(control['s-maxage'] ?? control['max-age'] ?? 0);
    const staleFor = age - lifetime;
    const told = `${age} of ${lifetime} seconds, ${JSON.stringify(control)}, ${where}`;
    if (failed && !strict && staleFor < Number(control['stale-if-error'] ?? 0)) {
      assert.notEqual(wish.control, 'no-cache', told);
      return;
    }
    // What may be used while it is fetched anew is; only then the origin hears of such a request.
    if (wish.control === 'only-if-cached' && staleFor < 0) assert.ok(!this.#askedBy.has(id), told);
    assert.notEqual(wish.control, 'no-cache', told);
    const [, mostAge] = /max-age=(\d+)/.exec(wish.control) ?? [];
    if (mostAge !== undefined) assert.ok(age <= Number(mostAge), told);
    if (wish.control === 'min-fresh=4') assert.ok(-staleFor >= 4, told);
    if (staleFor < 0) return;
    assert.ok(!strict, `stale, ${told}`);
    const [maxStale, limit] = /max-stale(?:=(\d+))?/.exec(wish.control) ?? [];
    const allowed = Math.max(
      maxStale === undefined ? -1 : Number(limit ?? Infinity),
      Number(control['stale-while-revalidate'] ?? 0) - 0.001,
    );
    assert.ok(staleFor <= allowed, `stale, ${told}`);
  }
}

interface Seen {
  readonly id: string;
  readonly wish: Wish;
  readonly tag: string;
  /** The origin was asked while the request was under way, by this one or another; and whether it failed then. */
  readonly asked: boolean;
  readonly failed: boolean;
}

function cookieOf({ user }: Wish): string {
  return user.startsWith('cookie') ? user : '';
}
