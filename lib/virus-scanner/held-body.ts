import { clock } from '../core/clock.ts';
import type { Coding, DecodingProblem } from '../core/decoding/content-decoder.ts';
import type { ProxyError } from '../core/errors.ts';
import { ByteQueue } from './byte-queue.ts';
import type { Engine } from './engine.ts';
import { Inspection, type InspectionListener } from './inspection.ts';
import type { ScanPlan } from './options.ts';
import { refusalOf, type Finding } from './ruling.ts';
import type { ScanFailure, ScanSubject, Verdict } from './scanner.ts';

/** Where a body comes from and where it goes. */
export interface BodyWay {
  /** The first bytes are about to go on. */
  open(): void;
  forward(chunk: Buffer): void;
  /** All of it has gone on. */
  close(): void;
  /** It does not go on, or no further. */
  refuse(error: ProxyError): void;
  pauseSource(): void;
  resumeSource(): void;
  /** For the books; once. */
  report(result: ScanReport): void;
}

export interface ScanReport extends Finding {
  /** Engine and version of its signatures; empty when none was asked. */
  readonly engine: string;
  readonly bytes: number;
  /** Milliseconds from the last byte, or from when the engine was asked, to the outcome. */
  readonly took: number;
}

/**
 * A body in custody: held whole while it is small; of a large one the last part, while the engine has the rest already.
 * What goes on is byte for byte what came. An engine that fails is replaced by another one as long as nothing has gone on.
 */
export class HeldBody implements InspectionListener {
  readonly #plan: ScanPlan;
  readonly #subject: ScanSubject;
  readonly #codings: readonly Coding[];
  readonly #way: BodyWay;
  readonly #queue = new ByteQueue();
  readonly #tried: Set<Engine> = new Set();
  #total = 0;
  /** The source has given everything. */
  #ended = false;
  #endTold = false;
  #begun = false;
  #cleared = false;
  #over = false;
  /** The outlet wants no more for now. */
  #outletFull = false;
  #engineFull = false;
  /** The engine takes bytes: before that none of them goes on. */
  #ready = false;
  #sourcePaused = false;
  #engine: Engine | undefined;
  #inspection: Inspection | undefined;
  #stopWaiting: (() => void) | undefined;
  #seeking = false;
  #asked = 0;
  #key: string | undefined;
  #version: string | undefined;

  constructor(plan: ScanPlan, subject: ScanSubject, codings: readonly Coding[], way: BodyWay) {
    this.#plan = plan;
    this.#subject = subject;
    this.#codings = codings;
    this.#way = way;
  }

  /** Judged, and everything may go on. */
  get cleared(): boolean {
    return this.#cleared;
  }

  /** @param chunk may be used again by its owner afterwards */
  add(chunk: Buffer): void {
    if (this.#over || chunk.length === 0) return;
    this.#total += chunk.length;
    this.#queue.append(chunk);
    if (this.#cleared) this.#queue.skip();
    else if (this.#total > this.#plan.maxSize) this.#judge(tooLarge);
    // Where nothing goes on before the verdict, an engine need not wait for a slow source either.
    else if (this.#total > this.#plan.hold && this.#plan.trickle !== undefined) this.#seek();
    this.#move();
  }

  /** The source has given everything. */
  end(): void {
    if (this.#over) return;
    this.#ended = true;
    if (!this.#cleared) {
      if (this.#total === 0) this.#clear();
      else if (this.#seeking || !this.#isKnown()) this.#seek();
    }
    this.#move();
  }

  pauseOutlet(): void {
    this.#outletFull = true;
  }

  resumeOutlet(): void {
    if (!this.#outletFull) return;
    this.#outletFull = false;
    this.#move();
  }

  /** Nobody wants it any more, or it will not come. */
  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopWaiting?.();
    this.#inspection?.abort();
    this.#queue.clear();
  }

  onReady(): void {
    this.#ready = true;
    this.#move();
  }

  onDrain(): void {
    this.#engineFull = false;
    this.#move();
  }

  onVerdict(verdict: Verdict): void {
    this.#inspection = undefined;
    if (verdict.kind === 'clean') {
      if (this.#key !== undefined)
        this.#plan.known.add(this.#key, this.#version, (this.#engine as Engine).label);
      this.#judge({ outcome: 'clean' });
    } else if (verdict.kind === 'encrypted')
      this.#judge({ outcome: 'unscannable', finding: verdict.finding, because: 'encrypted' });
    else this.#judge({ outcome: verdict.kind, finding: verdict.finding });
    this.#move();
  }

  onFailure({ reason, stale, slow }: ScanFailure): void {
    this.#inspection = undefined;
    const engine = this.#engine as Engine;
    if (stale !== true) this.#tried.add(engine);
    if (this.#over) return;
    if (this.#begun || slow === true) {
      const because = slow === true ? 'slow' : undefined;
      this.#judge({ outcome: 'unavailable', detail: `${engine.name}: ${reason}`, because });
      this.#move();
      return;
    }
    this.#queue.rewind();
    this.#engineFull = this.#ready = this.#endTold = this.#seeking = false;
    this.#seek(`${engine.name}: ${reason}`);
    this.#move();
  }

  onProblem(problem: DecodingProblem, detail: string): void {
    this.#inspection = undefined;
    if (problem === 'too-large') this.#judge({ ...tooLarge, detail });
    else
      this.#judge({
        outcome: 'unscannable',
        finding: problem === 'bomb' ? 'decompression bomb' : 'broken content encoding',
        because: problem === 'bomb' ? 'bomb' : undefined,
        detail,
      });
    this.#move();
  }

  /** Clears what was clean before, by the same signatures. */
  #isKnown(): boolean {
    const { known, engines } = this.#plan;
    this.#version = engines.version;
    this.#key = known.keyOf(this.#queue.pieces(), this.#codings, this.#subject);
    const engine = known.judgeOf(this.#key);
    if (engine === undefined) return false;
    this.#way.report({ outcome: 'clean', engine, bytes: this.#total, took: 0 });
    this.#clear();
    return true;
  }

  /** @param because of which another engine is sought */
  #seek(because = ''): void {
    if (this.#seeking || this.#over) return;
    this.#seeking = true;
    // Nothing has gone on, so all that has come is still there.
    const isWhole = (): boolean => this.#ended;
    this.#stopWaiting = this.#plan.engines.acquire(this.#tried, isWhole, (engine, reason) => {
      this.#stopWaiting = undefined;
      if (this.#over || this.#cleared) return;
      if (engine === undefined) {
        const detail = because === '' ? reason : because;
        this.#judge({ outcome: 'unavailable', detail });
      } else {
        this.#engine = engine;
        this.#asked = clock.monotonic();
        const { maxSize } = this.#plan;
        const limits = { maxSize, whole: isWhole() };
        this.#inspection = new Inspection(engine, this.#subject, this.#codings, limits, this);
      }
      this.#move();
    });
  }

  #judge(finding: Finding): void {
    if (this.#over || this.#cleared) return;
    this.#stopWaiting?.();
    this.#inspection?.abort();
    this.#inspection = undefined;
    this.#way.report({
      ...finding,
      engine: this.#engine?.label ?? '',
      bytes: this.#total,
      took: this.#asked === 0 ? 0 : clock.monotonic() - this.#asked,
    });
    const refusal = refusalOf(finding, this.#plan, this.#subject.direction);
    if (refusal === undefined) {
      this.#clear();
      return;
    }
    this.#over = true;
    this.#queue.clear();
    this.#way.refuse(refusal);
  }

  #clear(): void {
    this.#cleared = true;
    this.#queue.skip();
  }

  /** Gives the engine and the outlet what they may have, and the source its pace. */
  #move(): void {
    this.#feed();
    this.#release();
    if (this.#over) return;
    const full =
      this.#queue.size > this.#plan.holdMost &&
      (this.#cleared ? this.#outletFull : this.#outletFull || this.#queue.unread > 0);
    if (full === this.#sourcePaused || this.#ended) return;
    this.#sourcePaused = full;
    if (full) this.#way.pauseSource();
    else this.#way.resumeSource();
  }

  #feed(): void {
    while (this.#inspection !== undefined && !this.#engineFull) {
      const piece = this.#queue.read();
      if (piece === undefined) break;
      if (!this.#inspection.write(piece)) this.#engineFull = true;
    }
    if (!this.#ended || this.#endTold || this.#queue.unread > 0) return;
    if (this.#inspection === undefined) return;
    this.#endTold = true;
    this.#inspection.end();
  }

  #release(): void {
    const { trickle, hold } = this.#plan;
    const queue = this.#queue;
    const may = this.#cleared || (trickle !== undefined && this.#total > hold && this.#ready);
    const keep = this.#cleared ? 0 : (trickle ?? 0);
    if (this.#over || !may) return;
    while (!this.#outletFull && queue.size > keep) {
      if (!this.#begin()) return;
      const piece = queue.take(queue.size - keep);
      if (piece === undefined) break;
      this.#way.forward(piece);
      if (this.#isOver()) return;
    }
    if (!this.#cleared || !this.#ended || queue.size > 0 || this.#outletFull) return;
    if (this.#isOver() || !this.#begin()) return;
    this.#over = true;
    this.#way.close();
  }

  /** @returns false when nobody wants it after all */
  #begin(): boolean {
    if (this.#begun) return true;
    this.#begun = true;
    this.#way.open();
    return !this.#over;
  }

  /** Asked after calls to the outlet, which may have abandoned it. */
  #isOver(): boolean {
    return this.#over;
  }
}

const tooLarge: Finding = { outcome: 'oversize', finding: 'larger than maxSize' };
