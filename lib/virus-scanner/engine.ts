import { clock } from '../core/clock.ts';
import { warn } from '../core/warn.ts';
import { Pace } from './pace.ts';
import type { Scan, ScanFailure, ScanListener, Scanner, ScanSubject } from './scanner.ts';

/** Milliseconds between questions to an engine that is down. */
const checkPause = 1000;
/** Milliseconds for which the version of the signatures is taken to be the same. */
const versionHolds = 30_000;
/** Milliseconds until it is asked again when it has not answered, and scans all the same. */
const versionPause = 5000;

/** The part of its places that bodies which are still coming must leave to those that are there. */
const reserved = 1 / 4;

/** How an engine does. `checking`: something went wrong, and it is being asked whether it is there. */
export type EngineState = 'up' | 'checking' | 'down';

/** One engine with its books: how much it has to do, how it does, and which signatures it has. */
export class Engine {
  readonly scanner: Scanner;
  readonly #limit: number;
  readonly #onChange: () => void;
  state: EngineState = 'up';
  /** Undefined until it has said so. */
  version: string | undefined;
  /** Why it is not up. */
  reason = '';
  busy = 0;
  /** Scans whose bodies are still coming, at the pace of who sends and of who reads. */
  #flowing = 0;
  /** Of the scans under way, and how each is given up. */
  readonly #paces: Map<Pace, () => void> = new Map();
  /** When its version is to be asked for. */
  #due = Number.NEGATIVE_INFINITY;
  #asking = false;
  #stopTimer: (() => void) | undefined;
  #closed = false;

  /** @param onChange its state has changed, or it has a place again */
  constructor(scanner: Scanner, limit: number, onChange: () => void) {
    this.scanner = scanner;
    this.#limit = limit;
    this.#onChange = onChange;
  }

  get name(): string {
    return this.scanner.name;
  }

  /** As records have it. */
  get label(): string {
    return this.version ?? this.name;
  }

  /**
   * @param whole all of the body is there: so the scan takes no longer than the engine does, and never has to wait because others
   * are slow
   */
  hasPlace(whole: boolean): boolean {
    const places = Math.min(this.#limit, this.scanner.places ?? Infinity);
    if (this.state !== 'up' || this.busy >= places) return false;
    return whole || places === 1 || this.#flowing < places - Math.ceil(places * reserved);
  }

  /** When the first of its scans will have come too slowly to keep its place from others. */
  get due(): number {
    let first = Infinity;
    if (this.state !== 'up') return first;
    for (const { due } of this.#paces.keys()) first = Math.min(first, due);
    return first;
  }

  /** Takes the place of the scan whose time was up first. */
  evict(): void {
    const { due } = this;
    for (const [pace, giveUp] of this.#paces)
      if (pace.due === due) {
        giveUp();
        return;
      }
  }

  /** Its place is taken until the verdict, the failure or `abort()`. */
  scan(subject: ScanSubject, whole: boolean, listener: ScanListener): Scan {
    let flows = !whole;
    this.busy += 1;
    if (flows) this.#flowing += 1;
    this.refresh();
    const pace = new Pace(this.scanner.rest ?? Infinity);
    let over = false;
    const came = (): void => {
      if (flows) this.#flowing -= 1;
      flows = false;
    };
    const leave = (): void => {
      if (over) return;
      over = true;
      came();
      this.#paces.delete(pace);
      this.busy -= 1;
      this.#onChange();
    };
    const scan = this.scanner.scan(subject, {
      onReady: () => {
        listener.onReady();
      },
      onDrain: () => {
        pace.restart();
        listener.onDrain();
      },
      onVerdict: (verdict) => {
        leave();
        listener.onVerdict(verdict);
      },
      onFailure: (failure) => {
        this.#failed(failure);
        leave();
        listener.onFailure(failure);
      },
    });
    this.#paces.set(pace, () => {
      scan.abort();
      leave();
      const reason = 'its body came too slowly, and others waited for its place';
      listener.onFailure({ reason, answered: true, slow: true });
    });
    return {
      write: (chunk) => {
        pace.came(chunk.length);
        const more = scan.write(chunk);
        if (!more) pace.stop();
        return more;
      },
      end: () => {
        pace.stop();
        scan.end();
        if (flows) {
          came();
          this.#onChange();
        }
      },
      abort: () => {
        scan.abort();
        leave();
      },
    };
  }

  /** Asks for the version when what is known is old. */
  refresh(): void {
    if (this.state === 'up' && clock.monotonic() >= this.#due) this.#check();
  }

  close(): void {
    this.#closed = true;
    this.#stopTimer?.();
    this.scanner.close();
  }

  #failed({ reason, answered, stale }: ScanFailure): void {
    this.reason = reason;
    if (answered || stale === true || this.state !== 'up') return;
    // Nobody waits for its time limits again before it has said that it is there.
    this.state = 'checking';
    this.#check();
  }

  #check(): void {
    if (this.#asking || this.#closed) return;
    this.#stopTimer?.();
    this.#asking = true;
    this.scanner.check((version, reason) => {
      this.#asking = false;
      if (this.#closed) return;
      if (version !== undefined) {
        this.#due = clock.monotonic() + versionHolds;
        this.version = version;
        this.state = 'up';
        this.#onChange();
      } else if (this.state === 'up') {
        // Its threads may all be scanning; a scan will show whether it is down.
        this.#due = clock.monotonic() + versionPause;
      } else this.#down(reason);
    });
  }

  #down(reason: string): void {
    this.reason = reason;
    if (this.state !== 'down')
      warn(
        'SEKISHO_SCANNER_DOWN',
        `virusScanner: ${this.name} does not answer (${reason}); what it would scan goes to another engine, or by onUnavailable`,
      );
    this.state = 'down';
    this.#stopTimer = clock.after(checkPause, () => {
      this.#check();
    });
    this.#onChange();
  }
}
