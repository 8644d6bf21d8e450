import type { NextFunction, Request, Response } from 'express';
import { clock } from '../core/clock.ts';
import { contextOf, type Context } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { currentAge } from '../core/http/age.ts';
import type { CacheControl } from '../core/http/cache-control.ts';
import { cacheStatus, type CacheStatus, type ForwardReason } from '../core/http/cache-status.ts';
import { concernsOrigin } from '../core/http/conditional.ts';
import { cookieValues } from '../core/http/cookie-pairs.ts';
import type { Fields } from '../core/http/fields.ts';
import { requestDirectives } from '../core/http/request-directives.ts';
import { judgeReuse } from '../core/http/reuse.ts';
import { hideRequestFields, wrap } from '../core/local-exchange.ts';
import { refuse } from '../core/upstream/refusal.ts';
import type { CacheEngine } from './engine.ts';
import type { Entry, VaryRecord } from './entry.ts';
import { Flight } from './flight.ts';
import { giveEntry, giveInstead } from './give-entry.ts';
import { keySuffix, urlOf, variantKey } from './key.ts';
import { passBy } from './passing.ts';
import type { Reader } from './reader.ts';
import { debug } from './trace.ts';
import { otherProcess } from './other-process.ts';

/** So often a request looks again because what it waited for was not for it; then it fetches for itself. */
const mostRounds = 3;

/** One GET or HEAD on its way through the cache. */
export class Visit {
  readonly engine: CacheEngine;
  readonly req: Request;
  readonly res: Response;
  readonly next: NextFunction;
  readonly context: Context;
  readonly directives: CacheControl | undefined;
  /** The origin will know who the user is. */
  readonly credentials: boolean;
  /** It has cookies that may make the answer one user's own. */
  readonly cookies: boolean;
  /** It has conditions or a range, which are judged here. */
  readonly special: boolean;
  url = '';
  /** Where answers to this URL stand; `at` is where the one to this request does. */
  key = '';
  at = '';
  vary: VaryRecord | undefined;
  /** `Cache-Control` as a middleware in front of the cache has set it. */
  appsControl: string | undefined;
  /** What is stored and may not be used as it is. */
  stale: Entry | undefined;
  /** When what is stored has come; 0 for nothing. */
  seen = 0;
  #fwd: ForwardReason = 'uri-miss';
  #rounds = 0;
  /** Under which key it has looked whether answers are not stored, and until when they are not. */
  #passKey: string | undefined;
  #passesUntil: number | undefined;

  constructor(engine: CacheEngine, req: Request, res: Response, next: NextFunction) {
    this.engine = engine;
    this.req = req;
    this.res = res;
    this.next = next;
    this.context = contextOf(req);
    const { headers } = req;
    const { options } = engine;
    this.directives =
      options.clientDirectives &&
      (headers['cache-control'] !== undefined || headers.pragma !== undefined)
        ? requestDirectives(req.rawHeaders)
        : undefined;
    this.credentials =
      this.context.identity !== undefined ||
      (headers.authorization !== undefined && this.context.consumed?.has('authorization') !== true);
    this.cookies =
      options.cookies === 'private' &&
      headers.cookie !== undefined &&
      hasOthers(headers.cookie, this.context.consumedCookies);
    this.special =
      headers['if-none-match'] !== undefined ||
      headers['if-modified-since'] !== undefined ||
      headers.range !== undefined;
  }

  get method(): string {
    return this.req.method;
  }

  get fields(): Fields {
    return this.req.rawHeaders;
  }

  get fwd(): ForwardReason {
    return this.#fwd;
  }

  /** Whether what it gets is what others would get: nothing of its own keeps the answer from being stored. */
  get forOthers(): boolean {
    return this.method === 'GET' && !this.credentials && this.directives?.noStore !== true;
  }

  /** Whether the answer may be shared with requests that wait for it. */
  get shareable(): boolean {
    return this.engine.options.coalesce && this.forOthers;
  }

  /** Whether answers like the one to this request could not be stored lately. */
  get expectsPass(): boolean {
    const { at } = this;
    if (this.#passKey !== at) {
      this.#passKey = at;
      this.#passesUntil = this.engine.passesUntil(this.#passKeyOf(at));
    }
    return this.#passesUntil !== undefined && this.#passesUntil > this.#began;
  }

  notePass(): void {
    const { at, engine } = this;
    const known = this.#passKey === at ? this.#passesUntil : undefined;
    engine.notePass(this.#passKeyOf(at), this.#began, known);
  }

  forgetPass(): void {
    const { at, engine } = this;
    if (this.#passKey !== at || this.#passesUntil !== undefined)
      engine.forgetPass(this.#passKeyOf(at));
  }

  start(): void {
    const { engine, req, res, method, fields } = this;
    const url = urlOf(req);
    if (url === undefined) {
      passBy(this, { fwd: 'bypass', detail: 'host' });
      return;
    }
    this.url = url;
    const cached = (engine.options.methods as readonly string[]).includes(method);
    const why = !cached ? 'method' : this.#asking(() => this.#exception(fields));
    if (why !== undefined) {
      passBy(this, why === 'method' ? { fwd: 'method' } : { fwd: 'bypass', detail: why });
      return;
    }
    this.key = this.at = url + this.#asking(() => keySuffix(engine, req, res));
    if (method === 'POST') {
      this.#fwd = 'method';
      this.#lead();
    } else this.#look();
  }

  /** A client of an answer that is played to it has left; nobody else minds. */
  left(): void {
    // Nothing to be given back.
  }

  /** Functions of the caller's may throw: that is no answer of the origin's, and says so. */
  #asking<Value>(call: () => Value): Value {
    try {
      return call();
    } catch (error) {
      this.showFailing(this.status({ fwd: 'bypass', detail: 'hook' }));
      throw error;
    }
  }

  #exception(fields: Fields): string | undefined {
    const { engine, req, res } = this;
    const { when } = engine.options;
    if (when !== undefined && !isTrue(when(req, res))) return 'when';
    if (concernsOrigin(fields)) return 'precondition';
    return this.method !== 'POST' && hasBody(req) ? 'body' : undefined;
  }

  /** What this request waited for is not for it: it looks again. */
  again(): void {
    this.#rounds += 1;
    this.#passKey = undefined;
    if (this.res.destroyed) return;
    this.#guarded(() => {
      if (this.#rounds > mostRounds) this.#lead();
      else this.#look();
    });
  }

  /** It turned out that the answer is for nobody else: it asks for itself. */
  alone(): void {
    this.#passKey = undefined;
    if (!this.res.destroyed)
      this.#guarded(() => {
        this.#lead();
      });
  }

  /** Answers with what is stored. */
  give(entry: Entry, status: CacheStatus): void {
    giveEntry(this, entry, this.status(status));
  }

  fail(error: unknown): void {
    refuse(error, this.req, this.res, this.next, this.context);
  }

  /** The member of `Cache-Status`; also noted in the record of the request. */
  status(status: CacheStatus): string | undefined {
    const { cacheStatus: name } = this.engine.options;
    const member = cacheStatus(status, name === false ? 'sekisho' : name);
    this.context.transaction.cache = member;
    if (status.detail !== undefined) this.context.transaction.cacheReason = status.detail;
    if (debug.enabled) debug('%s %s: %s', this.method, this.req.originalUrl, member);
    return name === false ? undefined : member;
  }

  /** There is no answer but that of the app's error handlers: it has the member all the same. */
  showFailing(member: string | undefined): void {
    if (member !== undefined && !this.res.headersSent)
      this.res.appendHeader('Cache-Status', member);
  }

  get #began(): number {
    return this.context.transaction.startedMonotonic;
  }

  /** Requests with cookies get other answers. */
  #passKeyOf(at: string): string {
    return this.cookies ? `${at} cookies` : at;
  }

  #look(): void {
    this.vary = undefined;
    this.stale = undefined;
    this.at = this.key;
    const { records } = this.engine;
    this.#whenThere(records.get(this.key), (record) => {
      if (record?.kind !== 'vary') {
        this.#found(record, 'uri-miss');
        return;
      }
      this.vary = record;
      this.at = variantKey(this.key, record, this.fields);
      this.#whenThere(records.get(this.at), (variant) => {
        this.#found(variant?.kind === 'answer' ? variant : undefined, 'vary-miss');
      });
    });
  }

  #found(entry: Entry | undefined, miss: ForwardReason): void {
    const { directives } = this;
    this.#fwd = miss;
    this.seen = entry?.validity.received ?? 0;
    // Nobody but the operator has said that this is for all.
    const usable =
      entry?.validity.assumed === true && (this.credentials || this.cookies) ? undefined : entry;
    if (entry !== undefined && usable === undefined) this.#fwd = 'miss';
    if (usable !== undefined) {
      const now = clock.now();
      const reuse = judgeReuse(usable.validity, directives, now);
      if (reuse.kind === 'fresh' || reuse.kind === 'stale-allowed') {
        this.#hit(usable, now, reuse.kind !== 'fresh');
        return;
      }
      if (reuse.kind === 'stale-while-revalidate') {
        this.#refresh(usable, now);
        return;
      }
      this.stale = usable;
      this.#fwd = reuse.why === 'request' ? 'request' : 'stale';
    }
    if (directives?.onlyIfCached === true) this.#notCached();
    else this.#fetch();
  }

  /** Gives what is stale to a client that waits already, while it is fetched anew. */
  giveStale(seat: Reader, entry: Entry): void {
    const { counters } = this.engine;
    counters.hits += 1;
    counters.stale += 1;
    const ttl = entry.validity.lifetime - currentAge(entry.validity, clock.now());
    giveInstead(this, seat, entry, this.status({ ttl }));
  }

  #hit(entry: Entry, now: number, stale: boolean): void {
    const { counters } = this.engine;
    counters.hits += 1;
    if (stale) counters.stale += 1;
    const { validity } = entry;
    this.give(entry, { ttl: validity.lifetime - currentAge(validity, now) });
  }

  /** Stale-while-revalidate: one request goes on to the origin, and is answered at once like all others. */
  #refresh(entry: Entry, now: number): void {
    const { engine } = this;
    const { refreshing } = engine;
    const underway = engine.flights.has(this.at) || refreshing.has(this.at);
    if (underway || this.method !== 'GET' || this.directives?.noStore === true) {
      this.#hit(entry, now, true);
      return;
    }
    this.stale = entry;
    this.#fwd = 'stale';
    const flight = this.#open();
    flight.refreshes(this.at);
    if (!engine.records.shared) {
      this.#lead(flight, true);
      return;
    }
    this.#whenThere(otherProcess(this), (mine) => {
      if (mine === undefined) {
        flight.giveUp();
        this.#hit(entry, now, true);
      } else this.#lead(flight, true, mine.release);
    });
  }

  /** RFC 9111 §5.2.1.7. */
  #notCached(): void {
    this.showFailing(this.status({ fwd: this.#fwd, detail: 'only-if-cached' }));
    this.fail(new ProxyError('ERR_SEKISHO_NOT_CACHED'));
  }

  #fetch(): void {
    const { engine } = this;
    const waits = this.shareable && !this.expectsPass && this.directives?.noCache !== true;
    if (!waits) {
      this.#lead();
      return;
    }
    const flight = engine.flights.get(this.at);
    if (flight !== undefined) {
      flight.join(this);
      return;
    }
    if (!engine.records.shared) {
      this.#lead();
      return;
    }
    // Others of this process wait already while we ask whether another process is at it.
    const own = this.#open();
    this.#whenThere(otherProcess(this, true), (mine) => {
      if (mine === undefined) {
        own.giveUp();
        this.again();
      } else this.#lead(own, false, mine.release);
    });
  }

  #open(): Flight {
    const flight = new Flight(this);
    // Where nothing is expected to be stored nobody waits.
    if (this.shareable && flight.fills) this.engine.flights.set(this.at, flight);
    return flight;
  }

  /** Goes on to whatever answers, with the flight around it. */
  #lead(flight = this.#open(), background = false, release?: () => void): void {
    const { engine, res } = this;
    const control = res.getHeader('cache-control');
    this.appsControl = control === undefined ? undefined : String(control);
    flight.release = release;
    if (!background) engine.counters.misses += 1;
    this.#whenThere(engine.records.epoch(this.key), (epoch) => {
      flight.epoch = epoch;
      if (this.vary === undefined) {
        this.#proceed(flight, background);
        return;
      }
      const { at } = this;
      this.#whenThere(engine.records.epoch(at), (variantEpoch) => {
        flight.variant = { at, epoch: variantEpoch };
        if (!engine.records.shared) {
          this.#proceed(flight, background);
          return;
        }
        // What was cleared between the look and the epochs must not come back with its old record.
        this.#whenThere(engine.records.get(this.key), (record) => {
          this.vary = record?.kind === 'vary' ? record : undefined;
          this.#proceed(flight, background);
        });
      });
    });
  }

  #proceed(flight: Flight, background: boolean): void {
    const { req, res } = this;
    try {
      if (flight.fills && this.special) hideRequestFields(req, judgedHere);
      wrap(
        req,
        res,
        (dispatch) => (options, handler) => flight.dispatch(dispatch, options, handler, background),
      );
      this.next();
    } catch (error) {
      // Nobody is to wait for what will not come.
      flight.giveUp();
      throw error;
    }
  }

  /** At once, when there is no promise: a hit in memory costs none. */
  #whenThere<Value>(value: Value | Promise<Value>, go: (value: Value) => void): void {
    if (!(value instanceof Promise)) {
      go(value);
      return;
    }
    value.then(
      (there) => {
        if (!this.res.destroyed || this.engine.flights.get(this.at)?.leader === this)
          this.#guarded(() => {
            go(there);
          });
      },
      (error: unknown) => {
        this.fail(error);
      },
    );
  }

  #guarded(go: () => void): void {
    try {
      go();
    } catch (error) {
      this.next(error);
    }
  }
}

const judgedHere = ['if-none-match', 'if-modified-since', 'range', 'if-range'];

/** A promise is a mistake that would let all requests into the cache. */
function isTrue(answer: unknown): boolean {
  if (!(answer instanceof Promise)) return Boolean(answer);
  answer.catch(() => undefined);
  throw new ProxyError('ERR_SEKISHO_HOOK', {
    detail: 'when gave a promise; it has to answer at once',
  });
}

function hasBody({ headers }: Request): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** Whether there is a cookie that is not a gate's own. */
function hasOthers(cookie: string, consumed: ReadonlySet<string> | undefined): boolean {
  if (consumed === undefined) return true;
  for (const name of cookieValues(cookie).keys()) if (!consumed.has(name)) return true;
  return false;
}
