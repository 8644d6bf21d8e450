import { clock } from '../core/clock.ts';
import { codingsOf, ContentDecoder } from '../core/decoding/content-decoder.ts';
import type { Sighting } from './detector.ts';
import type { Guard } from './guard.ts';
import { FormDecoder } from './percent-decoding.ts';
import { Scanner } from './scanner.ts';
import type { EgressRule, Evidence, Finding } from './rules.ts';

/** What a body says of itself. */
export interface BodyFields {
  readonly encoding: string | undefined;
  readonly type: string | undefined;
}

export interface InspectionListener {
  readonly found: (finding: Finding, what?: string) => void;
  /** After a `write()` that returned false: more may be written. */
  readonly onDrain: () => void;
  /** All has been looked at that will be. */
  readonly onEnd: () => void;
}

/** S3's clients say so of the chunks they sign; what is in them is not encoded. */
const nameOnly = /(?:^|,)\s*aws-chunked\s*(?=,|$)/gi;
const isForm = /^application\/x-www-form-urlencoded\b/i;

/** So much is looked at before the time is looked at. */
const pieceSize = 64 * 1024;

/** Looks into one body on its way: undoes its codings, and scans it within a budget of time. */
export class Inspection {
  readonly #guard: Guard;
  readonly #part: string;
  readonly #listener: InspectionListener;
  readonly #scanner: Scanner;
  readonly #form: FormDecoder | undefined;
  #decoder: ContentDecoder | undefined;
  #spent = 0;
  /** Nothing more is looked at. */
  #over = false;
  /** The body is whole; `#told` when the listener knows. */
  #ended = false;
  #told = false;
  /** Nothing but bytes: they are looked at as soon as they are written. */
  readonly plain: boolean;

  /** @param part how alerts name the place: `body`, `answer` */
  constructor(guard: Guard, part: string, fields: BodyFields, listener: InspectionListener) {
    this.#guard = guard;
    this.#part = part;
    this.#listener = listener;
    const detectors = guard.kit.body.map((make) => make());
    this.#scanner = new Scanner(detectors, (sighting, offset) => {
      listener.found(findingOf(guard, sighting, part, offset), sighting.kind);
    });
    if (isForm.test(fields.type ?? '')) this.#form = new FormDecoder();
    const codings = codingsOf(fields.encoding?.replace(nameOnly, ''));
    this.plain = codings?.length === 0;
    if (detectors.length === 0) this.#over = true;
    else if (codings === undefined) this.#unreadable('unknown coding');
    else if (codings.length > 0)
      this.#decoder = new ContentDecoder(
        codings,
        { maxSize: guard.settings.inspection.maxSize },
        {
          onData: (chunk) => {
            this.#scan(chunk);
          },
          onEnd: () => {
            this.#finish();
          },
          onDrain: listener.onDrain,
          onProblem: (problem) => {
            this.#unreadable(problem);
          },
        },
      );
  }

  /** @returns false when no more should be written before `onDrain` */
  write(chunk: Buffer): boolean {
    if (this.#over) return true;
    if (this.#decoder !== undefined) return this.#decoder.write(chunk);
    this.#scan(chunk);
    return true;
  }

  /** Nothing has come for a while: judges what is there. */
  flush(): void {
    if (!this.#over) this.#timed(() => this.#scanner.flush());
  }

  /** The body is whole; `onEnd` follows, at once or when all is decoded. */
  end(): void {
    this.#ended = true;
    if (this.#decoder !== undefined && !this.#over) this.#decoder.end();
    else this.#finish();
  }

  /** Nobody wants the rest. */
  stop(): void {
    this.#over = true;
    this.#decoder?.destroy();
  }

  #scan(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#over; at += pieceSize)
      this.#timed(() => {
        const piece = chunk.subarray(at, at + pieceSize);
        this.#scanner.write(this.#form?.write(piece) ?? piece);
      });
  }

  #finish(): void {
    if (!this.#over)
      this.#timed(() => {
        if (this.#form !== undefined) this.#scanner.write(this.#form.end());
        this.#scanner.flush();
      });
    this.#over = true;
    this.#tellEnd();
  }

  #tellEnd(): void {
    if (this.#told) return;
    this.#told = true;
    this.#listener.onEnd();
  }

  #timed(work: () => void): void {
    const begun = clock.monotonic();
    work();
    this.#spent += clock.monotonic() - begun;
    const { timeBudget } = this.#guard.settings.inspection;
    if (this.#spent <= timeBudget || this.#over) return;
    this.#tell('uninspected', { reason: 'time', milliseconds: Math.round(this.#spent) });
    this.#giveUp();
  }

  #unreadable(reason: string): void {
    this.#tell('unreadable', { reason });
    this.#giveUp();
  }

  #tell(rule: EgressRule, evidence: Evidence): void {
    this.#listener.found({
      ...{ rule, severity: 'medium', score: 1 },
      evidence: { part: this.#part, ...evidence },
    });
  }

  #giveUp(): void {
    this.#over = true;
    const decoder = this.#decoder;
    this.#decoder = undefined;
    if (decoder === undefined) return;
    decoder.destroy();
    // It owes an answer to those who wait for it.
    if (this.#ended) this.#tellEnd();
    else this.#listener.onDrain();
  }
}

/** What is told of it: what kind, where, and a digest; never itself. */
export function findingOf(
  guard: Guard,
  { rule, kind, severity, value, values }: Sighting,
  part: string,
  offset: number,
): Finding {
  return {
    rule,
    severity,
    score: values ?? 1,
    evidence: {
      ...{ kind, part, offset, digest: guard.digest(value) },
      ...(values === undefined ? {} : { values }),
    },
  };
}
