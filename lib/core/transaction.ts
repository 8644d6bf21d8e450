import type { ErrorCode } from './errors.ts';
import { clock } from './clock.ts';
import { observed, publish } from './events.ts';

/** How a transaction ended. `client-aborted` and `upstream-aborted` are about the body, after the head was sent. */
export type Outcome = 'completed' | 'refused' | 'failed' | 'client-aborted' | 'upstream-aborted';

/**
 * What a gate made of a request. `absent`: no credentials; `refused`: wrong ones; `denied`: the right ones of a user
 * who may not; `locked`: too many wrong ones before; `failed`: could not be judged; `answered`: the scheme has answered by
 * itself, e.g. with a login page; `preflight`: a CORS preflight that may pass.
 */
export type AuthOutcome =
  'passed' | 'preflight' | 'absent' | 'refused' | 'denied' | 'locked' | 'failed' | 'answered';

/** What `urlFilter` made of a request; with `dry-run:` in front when it only reports. */
export type FilterOutcome = 'allowed' | 'exception' | 'denied' | 'malformed';

/** What `virusScanner` made of a body. `unscannable`: broken, encrypted or of a coding nobody here reads. */
export type ScanOutcome =
  'clean' | 'infected' | 'unscannable' | 'oversize' | 'unavailable' | 'skipped';

/** What `egressGuard` made of a request. `monitored`: would have been blocked. */
export type EgressOutcome = 'passed' | 'monitored' | 'blocked' | 'cut';

/**
 * The record of one request: who, where to, verdicts, bytes, timings. Every middleware adds what it
 * knows; it is published once, on `sekisho:transaction`, when the request has ended.
 * Times are milliseconds; `started` is wall clock, the others count from it.
 */
export class Transaction {
  /** Wall-clock milliseconds; known once the transaction has ended. */
  started = 0;
  readonly startedMonotonic: number = clock.monotonic();
  readonly method: string;
  /** The request target as the client sent it. */
  readonly target: string;
  client: string | undefined;
  /** Name of the user, when a gate has found out. */
  user: string | undefined;
  /** What the gate made of the request; with `dry-run:` in front when it only reports. */
  auth: AuthOutcome | `dry-run:${AuthOutcome}` | undefined;
  /** Why the gate did not let it pass, without anything secret. */
  authReason: string | undefined;
  /** Prefix or pool the forwarder chose by. */
  route: string | undefined;
  upstream: string | undefined;
  /** `host:port` of the server that answered, or was tried last. */
  server: string | undefined;
  attempts = 0;
  /** What a cache did, as in `Cache-Status` (RFC 9211), e.g. `sekisho; fwd=uri-miss; stored`. */
  cache: string | undefined;
  /** Why a cache did not store the answer; one of the names the docs of `cache()` list. */
  cacheReason: string | undefined;
  /** Where a client of the forward proxy wanted to go: `host:port`. */
  destination: string | undefined;
  /** The server name of the ClientHello inside a tunnel (RFC 6066 §3). */
  sni: string | undefined;
  filter: FilterOutcome | `dry-run:${FilterOutcome}` | undefined;
  /** The policy, list or rule that decided, e.g. `ads (lists/ads.txt:17)`. */
  filterRule: string | undefined;
  filterCategory: string | undefined;
  scan: ScanOutcome | undefined;
  /** Name of what the scanner found, or why it could not scan. */
  scanFinding: string | undefined;
  /** Engine and version of its signatures, as the engine says. */
  scanEngine: string | undefined;
  egress: EgressOutcome | undefined;
  /** Names of the rules that fired. */
  egressRules: readonly string[] | undefined;
  /** What could be looked at: all of it, or only who, where to, how much and when. */
  inspection: 'metadata' | 'content' | undefined;
  status = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** Milliseconds until a server was chosen. */
  queued: number | undefined;
  /** Milliseconds until the first byte of the answer's head. */
  firstByte: number | undefined;
  /** Milliseconds until the end. */
  total: number | undefined;
  outcome: Outcome | undefined;
  error: ErrorCode | undefined;

  constructor(method: string, target: string) {
    this.method = method;
    this.target = target;
  }

  elapsed(): number {
    return clock.monotonic() - this.startedMonotonic;
  }

  /** Publishes the record; only the first call counts. */
  end(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.total = this.elapsed();
    if (!observed('sekisho:transaction')) return;
    this.started = clock.now() - this.total;
    publish('sekisho:transaction', this);
  }
}
