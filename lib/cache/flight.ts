import type { Dispatcher } from 'undici';
import { clock } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import {
  asDirect,
  DirectListener,
  fieldsOf,
  type HeaderObject,
} from '../core/exchange/contract.ts';
import { withoutConditions, validators } from '../core/http/conditional.ts';
import { isErrorStatus, judgeReuse, mayUseOnError } from '../core/http/reuse.ts';
import { bytesOf } from './body.ts';
import type { Entry } from './entry.ts';
import { invalidatedUrls } from './key.ts';
import { answerNatively } from './native-answer.ts';
import { giveInstead } from './give-entry.ts';
import { present, type WholeAnswer } from './presentation.ts';
import { Reader, type ReaderOwner } from './reader.ts';
import { Recording } from './recording.ts';
import { refreshEntry, refreshByHead } from './refreshing.ts';
import type { Epoch } from './store.ts';
import { Tape } from './tape.ts';
import type { Visit } from './visit.ts';

/** A range of an answer that is not stored is cut out of it at the client's pace, with so many bytes in hand. */
const cuttingWindow = 256 * 1024;

type Mode =
  /** No final head yet. */
  | 'asking'
  /** The answer goes to the leader as it comes, and is nobody else's. */
  | 'passing'
  /** The answer is recorded, and read by all who wait for it. */
  | 'recording'
  /** What still comes is of no interest. */
  | 'done';

/**
 * One request to the origin: that of the leader, whose answer others wait for. Its head decides: either it is for all who
 * fit it and is recorded, or it is the leader's alone and the others ask for themselves.
 */
export class Flight extends DirectListener implements ReaderOwner {
  readonly leader: Visit;
  /** Set before it is dispatched: the answer must not come into the store when something was cleared since. */
  epoch: Epoch | undefined;
  /** The same for the variant that it is expected to be: that may be cleared alone. */
  variant: { readonly at: string; readonly epoch: Epoch | undefined } | undefined;
  /** Of a POST: what it changes is being forgotten. Until then there is no epoch. */
  invalidation: Promise<void> | undefined;
  /** Gives back the lock that other processes wait for. */
  release: (() => void) | undefined;
  /** The answer is to be whole, whatever part of it the leader wants. */
  readonly fills: boolean;
  /** The body of an answer that has come whole, until the leader has it. */
  #text: string | undefined;
  /** Those who wait for the head, and how they cease to. */
  #waiting: Map<Visit, () => void> | undefined;
  #mode: Mode = 'asking';
  #dispatch: Dispatcher['dispatch'] | undefined;
  #options: Dispatcher.DispatchOptions | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  /** The leader's client; undefined once it has left or was answered. */
  #seat: Reader | undefined;
  /** The origin was asked whether what is stored is still good. */
  #conditional = false;
  #requested = 0;
  /** Nobody waits for it, and it is wanted all the same. */
  #behind = false;
  #recording: Recording | undefined;
  #cut: Tape | undefined;
  /** A 304 spoke of another answer: when it has ended the origin is asked for all of it. */
  #asksAgain = false;
  #refreshes: string | undefined;

  constructor(leader: Visit) {
    super();
    this.leader = leader;
    this.fills = leader.forOthers && !leader.expectsPass;
  }

  /** It is the one that fetches anew what stands here and is given to all meanwhile. */
  refreshes(at: string): void {
    this.#refreshes = at;
    this.leader.engine.refreshing.add(at);
  }

  /** What the store is to know with an answer that is kept there; other variants are found by their new record only. */
  epochAt(at: string): Epoch | undefined {
    if (at === this.leader.key) return this.epoch;
    return at === this.variant?.at ? this.variant.epoch : undefined;
  }

  /** Another request waits for this answer. */
  join(visit: Visit): void {
    if (this.#recording !== undefined) {
      const now = clock.now();
      this.#share(visit, this.#recording, this.#recording.laterAnswer(now), now);
      return;
    }
    const left = (): void => {
      this.#waiting?.delete(visit);
      this.#abandonIfUnwanted();
    };
    visit.res.once('close', left);
    this.#waiting ??= new Map();
    this.#waiting.set(visit, () => visit.res.off('close', left));
  }

  /** What a wrapper's interceptor does: sends the leader's request on. */
  dispatch(
    dispatch: Dispatcher['dispatch'],
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    background: boolean,
  ): boolean {
    const direct = asDirect(handler);
    const seat = new Reader(direct, this);
    this.#dispatch = dispatch;
    this.#options = options;
    this.#seat = seat;
    direct.onRequestStart?.(seat, null);
    const { stale } = this.leader;
    if (background && stale !== undefined) {
      // The origin is asked first: once the client has everything, a handler of the app would not be heard any more.
      this.#seat = undefined;
      this.#behind = true;
      const goesOn = this.#ask(this.fills);
      this.leader.giveStale(seat, stale);
      return goesOn;
    }
    if (seat.over && !this.#isAwaited()) {
      this.#close();
      return true;
    }
    return this.#ask(this.fills);
  }

  /** It is not dispatched after all. */
  giveUp(): void {
    this.#close();
    for (const visit of this.#takeWaiting()) visit.again();
  }

  left(reader: Reader, reason: Error): void {
    if (reader === this.#seat) this.#seat = undefined;
    if (this.#mode === 'passing' || this.#recording?.wanted === false) this.#abort(reason);
    else this.#abandonIfUnwanted(reason);
  }

  /** What is recorded turned out to be too large for the store: whoever comes from now on asks for himself. */
  overflow(recording: Recording): void {
    this.#close();
    if (this.#controller === undefined) return;
    recording.spill(this.#controller);
    if (!recording.wanted) this.#abort(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onDirectStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
  ): void {
    if (this.#mode !== 'asking') return;
    if (status < 200) this.#seat?.handler.onDirectStart(this.#seat, status, fields, message);
    else {
      const { provisional } = this.leader.context;
      this.#head({ status, message, fields, size: statedSize(fields), provisional });
    }
  }

  onDirectWhole(
    controller: Dispatcher.DispatchController,
    status: number,
    fields: readonly string[],
    message: string,
    body: string,
  ): void {
    if (this.#mode !== 'asking') return;
    const size = statedSize(fields) ?? body.length;
    if (size === body.length || this.leader.method === 'HEAD') this.#text = body;
    this.#head({ status, message, fields, size });
    this.#text = undefined;
    if (body !== '') {
      if (this.#cut !== undefined) this.#cut.append(body);
      else if (this.#recording !== undefined) this.#recording.append(body);
      else if (this.#seat !== undefined) this.onDirectData(controller, bytesOf(body));
    }
    this.onDirectEnd(controller, []);
  }

  onDirectData(_controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    if (this.#mode === 'passing' && this.#cut === undefined) {
      const seat = this.#seat;
      return seat === undefined || seat.handler.onDirectData(seat, chunk);
    }
    if (this.#mode === 'done') return true;
    // The transport uses its memory again.
    const copy = Buffer.from(chunk);
    if (this.#cut !== undefined) this.#cut.append(copy);
    else this.#recording?.append(copy);
    return true;
  }

  onDirectEnd(_controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    if (this.#asksAgain) {
      this.#asksAgain = false;
      this.#ask(false);
      return;
    }
    const mode = this.#mode;
    this.#mode = 'done';
    if (mode === 'recording') {
      const kept = this.#recording?.end(trailers);
      if (kept === undefined) this.#close();
      else
        void kept.then(() => {
          this.#close();
        });
      return;
    }
    this.#close();
    const seat = this.#seat;
    if (this.#cut !== undefined) this.#cut.end(trailers);
    else if (mode === 'passing' && seat !== undefined) {
      this.#seat = undefined;
      seat.over = true;
      seat.handler.onDirectEnd(seat, trailers);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#asksAgain = false;
    const mode = this.#mode;
    this.#mode = 'done';
    this.#close();
    if (mode === 'asking') this.#failed(error);
    else if (mode === 'recording') this.#recording?.fail(error);
    else if (this.#cut !== undefined) this.#cut.fail(error);
    else if (mode === 'passing') this.#seat?.fail(error);
  }

  #ask(whole: boolean): boolean {
    const options = this.#options as Dispatcher.DispatchOptions;
    const { stale } = this.leader;
    this.#requested = clock.now();
    this.#conditional = false;
    const headers = this.#given();
    let asked = options;
    if (whole && headers !== undefined) {
      const added = stale === undefined ? [] : validators(stale.fields, this.#requested);
      this.#conditional = added.length > 0;
      if (this.#conditional || this.leader.special)
        asked = { ...options, headers: [...withoutConditions(headers), ...added] };
    }
    return (this.#dispatch as Dispatcher['dispatch'])(asked, this);
  }

  #head(answer: WholeAnswer): void {
    const { leader } = this;
    const { stale } = leader;
    const received = clock.now();
    const times = { requested: this.#requested, received };
    const { status, fields } = answer;
    if (status === 304 && this.#conditional && stale !== undefined) {
      const updated = refreshEntry(this, stale, fields, times);
      if (updated === undefined) this.#asksAgain = true;
      else
        this.#answerAll(updated.entry, status, (visit) => {
          if (!updated.shared) return false;
          return judgeReuse(updated.entry.validity, visit.directives, received).kind === 'fresh';
        });
      return;
    }
    if (leader.method === 'HEAD' && status === 200) void refreshByHead(this, fields, times);
    if (stale !== undefined && isErrorStatus(status)) {
      if (mayUseOnError(stale.validity, leader.directives, received, false)) {
        this.#answerAll(stale, status, (visit) =>
          mayUseOnError(stale.validity, visit.directives, received, false),
        );
        return;
      }
    }
    if (leader.method === 'POST') this.#invalidate(answer);
    const recording = Recording.of(this, answer, this.#sent(), times);
    if (recording instanceof Recording) this.#record(recording, answer, received);
    else this.#pass(answer, recording);
  }

  /** A POST changes what is stored (RFC 9111 §4.4), before its own answer may take the place. */
  #invalidate({ status, fields }: WholeAnswer): void {
    const { url, engine, key } = this.leader;
    this.epoch = undefined;
    this.invalidation = engine
      .invalidateQuietly(invalidatedUrls('POST', url, { status, fields }))
      .then(async (done) => {
        if (done) this.epoch = await engine.records.epoch(key);
      });
  }

  /** The answer is for all who fit it. */
  #record(recording: Recording, answer: WholeAnswer, now: number): void {
    this.#mode = 'recording';
    this.#recording = recording;
    const { leader } = this;
    leader.forgetPass();
    const seat = this.#seat;
    if (seat !== undefined) {
      const status = leader.status({ fwd: leader.fwd, stored: true });
      const shown = present(leader, answer, now);
      withStatus(shown.fields, status);
      const all = shown.first === 0 && shown.last === Infinity;
      if (!all || !this.#giveWhole(seat, shown, shown.fields)) seat.read(recording.tape, shown);
    }
    for (const visit of this.#takeWaiting()) this.#share(visit, recording, recording.answer, now);
  }

  #share(visit: Visit, recording: Recording, answer: WholeAnswer, now: number): void {
    if (!recording.shareable) {
      visit.alone();
      return;
    }
    if (!recording.fits(visit, now)) {
      visit.again();
      return;
    }
    visit.engine.counters.collapsed += 1;
    const status = visit.status({ fwd: visit.fwd, collapsed: true });
    answerNatively(visit, recording, (handler) => {
      const reader = new Reader(handler, this);
      handler.onRequestStart?.(reader, null);
      const shown = present(visit, answer, now);
      reader.read(recording.tape, { ...shown, fields: withStatus(shown.fields, status) });
    });
  }

  /** The answer is the leader's alone. */
  #pass(answer: WholeAnswer, reason: string): void {
    this.#mode = 'passing';
    const { leader } = this;
    const seat = this.#seat;
    if (leader.forOthers) leader.notePass();
    this.#close();
    if (seat !== undefined) this.#passTo(seat, answer, reason);
    for (const visit of this.#takeWaiting()) visit.alone();
  }

  #passTo(seat: Reader, answer: WholeAnswer, reason: string): void {
    const { leader } = this;
    const status = leader.status({ fwd: leader.fwd, detail: reason });
    // Nothing was taken from the request, or it wants all there is.
    const shown = this.fills && leader.special ? present(leader, answer, clock.now()) : undefined;
    if (shown === undefined || shown.last === Infinity) {
      const fields = withStatus([...answer.fields], status);
      if (this.#giveWhole(seat, answer, fields)) return;
      if (this.#controller !== undefined) seat.bind(this.#controller);
      seat.handler.onDirectStart(seat, answer.status, fields, answer.message);
      return;
    }
    this.#cut = new Tape();
    if (this.#controller !== undefined) this.#cut.spill(cuttingWindow, this.#controller);
    seat.read(this.#cut, { ...shown, fields: withStatus(shown.fields, status) });
    // Nothing of what still comes is wanted.
    if (shown.last === undefined) this.#abort(new ProxyError('ERR_SEKISHO_CLIENT_ABORTED'));
  }

  /**
   * Gives the leader an answer in one piece, when it has come in one.
   *
   * @returns false when it is to be given as it comes
   */
  #giveWhole(
    seat: Reader,
    { status, message }: { readonly status: number; readonly message: string },
    fields: readonly string[],
  ): boolean {
    const { handler } = seat;
    const text = this.#text;
    if (text === undefined || handler.onDirectWhole === undefined) return false;
    if (seat.over) return false;
    this.#seat = undefined;
    seat.over = true;
    try {
      handler.onDirectWhole(seat, status, fields, message, text);
    } catch (error) {
      // Somebody's function on the response threw: no reason not to store the answer.
      handler.onResponseError?.(seat, error as Error);
    }
    return true;
  }

  /** A stored answer is given to all: it is still good, or stands in for one that is not. */
  #answerAll(entry: Entry, fwdStatus: number | undefined, usable: (visit: Visit) => boolean): void {
    this.#mode = 'done';
    const { leader } = this;
    const seat = this.#seat;
    this.#seat = undefined;
    const stored = fwdStatus === 304;
    if (seat !== undefined)
      giveInstead(leader, seat, entry, leader.status({ fwd: leader.fwd, fwdStatus, stored }));
    for (const visit of this.#takeWaiting())
      if (visit.at !== leader.at) visit.again();
      // What only the operator calls fresh is not for those who may have an answer of their own.
      else if (!usable(visit) || (entry.validity.assumed && (visit.cookies || visit.credentials)))
        visit.alone();
      else visit.give(entry, { fwd: leader.fwd, fwdStatus, collapsed: true });
    this.#close();
  }

  #failed(error: Error): void {
    const { leader } = this;
    const { stale } = leader;
    if (error instanceof ProxyError && error.code === 'ERR_SEKISHO_CLIENT_ABORTED') {
      this.#seat?.fail(error);
      for (const visit of this.#takeWaiting()) visit.again();
    } else if (
      stale !== undefined &&
      mayUseOnError(stale.validity, leader.directives, clock.now(), true)
    )
      this.#answerAll(stale, undefined, (visit) =>
        mayUseOnError(stale.validity, visit.directives, clock.now(), true),
      );
    else {
      const member = leader.status({ fwd: leader.fwd });
      if (this.#seat !== undefined) leader.showFailing(member);
      this.#seat?.fail(error);
      for (const visit of this.#takeWaiting()) {
        visit.showFailing(visit.status({ fwd: visit.fwd, collapsed: true }));
        visit.fail(error);
      }
    }
  }

  /** Fields of the request as they reach this cache's inside; undefined when they are the client's own. */
  #sent(): readonly string[] | undefined {
    const fields = this.#given();
    return fields === this.leader.fields ? undefined : fields;
  }

  /** The same, names and values in turn: wrappers of others may give them as an object. */
  #given(): readonly string[] | undefined {
    const headers: unknown = this.#options?.headers;
    if (Array.isArray(headers)) return headers as string[];
    if (typeof headers !== 'object' || headers === null) return undefined;
    return fieldsOf(
      Symbol.iterator in headers
        ? Object.fromEntries(headers as Iterable<[string, string]>)
        : (headers as HeaderObject),
    );
  }

  #isAwaited(): boolean {
    return this.#waiting !== undefined && this.#waiting.size > 0;
  }

  #takeWaiting(): Visit[] {
    const waiting = this.#waiting;
    if (waiting === undefined) return [];
    this.#waiting = undefined;
    for (const forget of waiting.values()) forget();
    return [...waiting.keys()];
  }

  /** Nobody is left who wants an answer that may turn out to be for nobody else. */
  #abandonIfUnwanted(reason: Error = new ProxyError('ERR_SEKISHO_CLIENT_ABORTED')): void {
    if (this.#mode !== 'asking' || this.#behind) return;
    if (this.#seat !== undefined || this.#isAwaited()) return;
    if (this.#dispatch !== undefined) this.#abort(reason);
  }

  #abort(reason: Error): void {
    if (this.#mode === 'done') return;
    this.#mode = 'done';
    this.#close();
    this.#controller?.abort(reason);
  }

  /** Whoever comes from now on does not find it. */
  #close(): void {
    const { flights, refreshing } = this.leader.engine;
    flights.leave(this.leader.at, this);
    if (this.#refreshes !== undefined) refreshing.delete(this.#refreshes);
    this.#refreshes = undefined;
    this.release?.();
    this.release = undefined;
  }
}

/** Adds our member of `Cache-Status` behind those of the caches in front of the origin. */
export function withStatus(fields: string[], member: string | undefined): string[] {
  if (member !== undefined) fields.push('Cache-Status', member);
  return fields;
}

function statedSize(fields: readonly string[]): number | undefined {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length')
      return Number(fields[index + 1]);
  }
  return undefined;
}
