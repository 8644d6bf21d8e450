import { randomUUID } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { ProxyError } from '../core/errors.ts';
import { ageField, type ExchangeTimes } from '../core/http/age.ts';
import { parseCacheControl } from '../core/http/cache-control.ts';
import { cacheTags } from '../core/http/cache-tags.ts';
import { fieldsWhere, fieldValue, hasField } from '../core/http/field-lines.ts';
import type { Fields } from '../core/http/fields.ts';
import { judgeReuse } from '../core/http/reuse.ts';
import { storedFields } from '../core/http/stored-fields.ts';
import { judgeStoring, type Stored } from '../core/http/storing.ts';
import type { StoringRefusal } from '../core/http/storing-refusals.ts';
import { varyNames } from '../core/http/vary.ts';
import { removedByHandler } from '../core/local-exchange.ts';
import type { Body } from './body.ts';
import { keepVary, type Entry, type VaryRecord } from './entry.ts';
import type { Flight } from './flight.ts';
import { groupOfUrl, variantKey } from './key.ts';
import { joined, lastingFields, lastingText } from './lasting.ts';
import type { WholeAnswer } from './presentation.ts';
import { Tape } from './tape.ts';
import type { Visit } from './visit.ts';

/** All answers that are being recorded by one cache, in bytes; what comes on top is not stored. */
const recordingLimit = 128 * 1024 * 1024;

/** An answer on its way into the store. */
export class Recording {
  readonly tape = new Tape();
  /** As others than the leader get it. */
  readonly answer: WholeAnswer;
  /** As `Entry` has them. */
  readonly local: boolean;
  readonly removed: readonly string[];
  readonly #flight: Flight;
  readonly #leader: Visit;
  readonly #stated: number | undefined;
  readonly #verdict: Stored;
  readonly #received: number;
  readonly #vary: VaryRecord | undefined;
  readonly #groups: readonly string[];
  #counted = 0;

  private constructor(
    flight: Flight,
    answer: WholeAnswer,
    verdict: Stored,
    received: number,
    names: readonly string[],
    removed: readonly string[] | undefined,
  ) {
    const { leader } = flight;
    const fields = lastingFields(storedFields(answer.fields, verdict.withoutFields, received));
    this.#flight = flight;
    this.#leader = leader;
    this.#stated = answer.size;
    this.#verdict = verdict;
    this.#received = received;
    this.answer = { ...answer, message: lastingText(answer.message), fields };
    this.local = removed !== undefined;
    this.removed = removed ?? none;
    this.#groups = groupsOf(leader, answer.fields);
    this.#vary = names.length === 0 ? undefined : this.#varyRecord(names);
    if (this.#vary !== undefined) this.#moveTo(this.#vary);
  }

  /** @returns why the answer is not stored, if it is not */
  static of(
    flight: Flight,
    answer: WholeAnswer,
    sent: Fields | undefined,
    times: ExchangeTimes,
  ): Recording | StoringRefusal {
    const { leader } = flight;
    const { engine } = leader;
    if (leader.context.unclaimed) return 'local';
    const verdict = judgeStoring(leader, answer, engine.policy, times);
    if (!verdict.store) return verdict.reason;
    const removed = removedByHandler(leader.req);
    if (!hasOwnControl(answer.fields, removed)) {
      const appsWord = saidByTheApp(leader, engine.options.ignore);
      if (appsWord !== undefined) return appsWord;
    }
    if ((answer.size ?? 0) > engine.options.maxEntrySize) return 'too-large';
    const names = varyNames(answer.fields);
    if (names === '*') return 'vary-any';
    if (sent !== undefined)
      for (const name of names)
        if (fieldValue(sent, name) !== fieldValue(leader.fields, name)) return 'vary-inside';
    return new Recording(flight, answer, verdict, times.received, names, removed);
  }

  /** Whether what still comes is wanted: to be stored, or by somebody who reads. */
  get wanted(): boolean {
    return !this.tape.spilling || this.tape.isRead;
  }

  /** Whether others than the leader may have it without asking the origin themselves. */
  get shareable(): boolean {
    const { validity } = this.#verdict;
    return !validity.alwaysValidate && validity.lifetime > validity.initialAge;
  }

  /** Whether this is the answer to another request for the same URL, too. */
  fits(visit: Visit, now: number): boolean {
    if (this.tape.spilling || visit.key !== this.#leader.key) return false;
    const { validity } = this.#verdict;
    if (validity.assumed && (visit.cookies || visit.credentials)) return false;
    // "Provided that it is allowed to reuse that response for the requests in question" (RFC 9111 §4).
    if (judgeReuse(validity, visit.directives, now).kind !== 'fresh') return false;
    return (
      this.#vary === undefined ||
      variantKey(visit.key, this.#vary, visit.fields) === this.#leader.at
    );
  }

  /** As somebody gets it who comes while it is under way: it has an age by then. */
  laterAnswer(now: number): WholeAnswer {
    const age = ageField(this.#verdict.validity, now);
    if (age === 0) return this.answer;
    const fields = fieldsWhere(this.answer.fields, (name) => name !== 'age');
    fields.push('Age', String(age));
    return { ...this.answer, fields };
  }

  append(chunk: Body): void {
    const { tape } = this;
    const { engine } = this.#leader;
    if (!tape.spilling) {
      this.#counted += chunk.length;
      engine.recording += chunk.length;
      const { maxEntrySize } = engine.options;
      if (tape.size + chunk.length > maxEntrySize || engine.recording > recordingLimit)
        this.#flight.overflow(this);
    }
    tape.append(chunk);
  }

  /** It is too large: from now on it goes at the pace of its readers, and nobody else finds it. */
  spill(source: Dispatcher.DispatchController): void {
    this.#uncount();
    this.#leader.context.transaction.cacheReason = 'too-large';
    this.tape.spill(Math.min(this.#leader.engine.options.maxEntrySize, 1024 * 1024), source);
  }

  /** @returns a promise when the store needs time to take it */
  end(trailers: readonly string[]): void | Promise<void> {
    const { tape } = this;
    this.#uncount();
    if (this.#stated !== undefined && tape.size !== this.#stated) {
      tape.fail(new ProxyError('ERR_SEKISHO_TRUNCATED'));
      return;
    }
    tape.end(trailers);
    if (tape.spilling) return;
    const { engine, at, url } = this.#leader;
    const { status, message, fields } = this.answer;
    const { validity, keepFor } = this.#verdict;
    const entry: Entry = {
      kind: 'answer',
      status,
      message,
      fields,
      trailers,
      body: tape.whole(),
      validity,
      local: this.local,
      removed: this.removed,
      url: joined(url),
      groups: this.#groups,
    };
    engine.counters.stored += 1;
    const keep = (): void | Promise<void> => {
      if (this.#flight.epoch === undefined) return;
      const expires = this.#received + keepFor;
      return engine.records.set(joined(at), entry, expires, this.#flight.epochAt(at));
    };
    const { invalidation } = this.#flight;
    return invalidation === undefined ? keep() : invalidation.then(keep);
  }

  fail(error: Error): void {
    this.#uncount();
    this.tape.fail(error);
  }

  #uncount(): void {
    this.#leader.engine.recording -= this.#counted;
    this.#counted = 0;
  }

  #varyRecord(names: readonly string[]): VaryRecord {
    const { engine, key, url, vary } = this.#leader;
    const there = engine.records.shared ? vary : engine.records.get(key);
    const current = there instanceof Promise || there?.kind !== 'vary' ? vary : there;
    const generation = current?.names.join() === names.join() ? current.generation : undefined;
    return {
      kind: 'vary',
      names,
      generation: generation ?? randomUUID(),
      url,
      groups: this.#groups,
    };
  }

  /** Those who come from now on look for their variant. */
  #moveTo(record: VaryRecord): void {
    const leader = this.#leader;
    const { engine, key } = leader;
    const { invalidation } = this.#flight;
    const expires = this.#received + keepVary(this.#verdict.keepFor);
    const keep = (): void => {
      const { epoch } = this.#flight;
      if (epoch !== undefined) void engine.records.set(key, record, expires, epoch);
    };
    if (invalidation === undefined) keep();
    else void invalidation.then(keep);
    const at = variantKey(key, record, leader.fields);
    if (engine.flights.leave(leader.at, this.#flight) && !engine.flights.has(at))
      engine.flights.set(at, this.#flight);
    leader.at = at;
  }
}

const none: readonly string[] = [];

/** Whether a handler has put its own word in the place of what was said in front of the cache: that is what the client hears. */
function hasOwnControl(fields: Fields, removed: readonly string[] | undefined): boolean {
  return (
    removed !== undefined &&
    (hasField(fields, 'cache-control') || removed.includes('cache-control'))
  );
}

/** What a middleware in front of the cache has said of all its answers counts as if the origin had. */
function saidByTheApp(
  { appsControl }: Visit,
  ignore: readonly string[],
): 'no-store' | 'private' | undefined {
  if (appsControl === undefined) return undefined;
  const said = parseCacheControl([appsControl]);
  if (said.noStore && !ignore.includes('no-store')) return 'no-store';
  return said.private && !ignore.includes('private') ? 'private' : undefined;
}

function groupsOf(visit: Visit, fields: Fields): readonly string[] {
  const groups = cacheTags(fields);
  const { apicacheGroup } = visit.req as { apicacheGroup?: unknown };
  if (typeof apicacheGroup === 'string' && apicacheGroup !== '') groups.push(apicacheGroup);
  if (visit.engine.severalKeys) groups.push(groupOfUrl(visit.url));
  return groups;
}
