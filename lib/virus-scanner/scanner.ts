/** What an engine has clearly said of a body. */
export type Verdict =
  | { readonly kind: 'clean' }
  /** @property finding what the engine calls it */
  | { readonly kind: 'infected' | 'encrypted' | 'oversize'; readonly finding: string };

/** What engines may want to know of a body besides its bytes. */
export interface ScanSubject {
  readonly direction: 'download' | 'upload';
  readonly method: string;
  /** Absolute URL. */
  readonly url: string;
  /** Fields of the request, names and values in turn, without credentials. */
  readonly request: readonly string[];
  /** Of the answer; undefined for uploads. */
  readonly status: number;
  /** Fields of the answer, names and values in turn. */
  readonly answer: readonly string[];
  readonly client: string | undefined;
}

/** No verdict, and why. */
export interface ScanFailure {
  readonly reason: string;
  /** The engine is there and has said that it cannot: others may, and it may with another body. */
  readonly answered: boolean;
  /** A kept connection that had gone stale, or one too many: the same engine may be asked again. */
  readonly stale?: boolean;
  /** It is not the engine's: the body came too slowly to keep a place that others waited for. */
  readonly slow?: boolean;
}

/** Exactly one of verdict and failure comes, and nothing after it. Never while `scan()` is being called. */
export interface ScanListener {
  /** Once: the engine is there and takes bytes. Until then another one can be asked in its place. */
  onReady(): void;
  onDrain(): void;
  onVerdict(verdict: Verdict): void;
  onFailure(failure: ScanFailure): void;
}

/** One body being scanned. */
export interface Scan {
  /** @returns false when no more should be written before `onDrain` */
  write(chunk: Buffer): boolean;
  end(): void;
  /** Nobody wants the verdict any more; nothing more is told. */
  abort(): void;
}

/** An engine, whatever it speaks. */
export interface Scanner {
  /** For logs: `clamd 127.0.0.1:3310`. */
  readonly name: string;
  /** What makes a verdict about the same bytes another one: nothing, or their URL too. */
  readonly judgesUrl: boolean;
  /** Scans at the same time that the engine says it takes; Infinity or undefined when it does not say. */
  readonly places?: number;
  /** Milliseconds for which a body may rest while others wait for its place; undefined for any time. */
  readonly rest?: number;
  scan(subject: ScanSubject, listener: ScanListener): Scan;
  /**
   * Asks whether it is there, and who it is.
   *
   * @returns engine and version of its signatures; undefined and why when it does not answer as it should
   */
  check(done: (version: string | undefined, reason: string) => void): void;
  close(): void;
}

/** The verdict that the name of a finding stands for: some of ClamAV's say that it could not look into something. */
export function verdictOf(finding: string): Verdict {
  const name = printable(finding);
  if (name.startsWith('Heuristics.Encrypted.')) return { kind: 'encrypted', finding: name };
  if (name.startsWith('Heuristics.Limits.Exceeded')) return { kind: 'oversize', finding: name };
  return { kind: 'infected', finding: name };
}

/** What an engine says, as it may go into logs and pages. */
export function printable(text: string): string {
  const shown = text.replace(/[^\x20-\x7e]+/g, ' ').trim();
  return shown.length > 200 ? `${shown.slice(0, 199)}…` : shown;
}
