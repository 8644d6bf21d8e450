import { clock } from './clock.ts';
import type { ErrorCode, ErrorStage } from './error-codes.ts';
import { observed, publish } from './events.ts';
import { withoutUserinfo } from './http/userinfo.ts';
import { newRequestId } from './request-id.ts';

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

/** An attempt that was given up in favour of another one. */
export interface GivenUpAttempt {
  /** `host:port`. */
  readonly server: string;
  /** Code of its failure, or `status 503`. */
  readonly reason: string;
  /** Milliseconds it took. */
  readonly took: number;
}

/** The encryption between the client and us. */
export interface TlsFacts {
  /** As OpenSSL says it: `TLSv1.3`. */
  readonly version: string;
  /** By its IANA name: `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
}

/** Those who wait for a record to end; see `observe` in observing.ts. */
export interface RecordWatch {
  /** They want nothing but the record: the answer may be written in any way. */
  readonly quiet: boolean;
  /** Fills in what only request and response know. */
  complete(): void;
  tell(): void;
}

/** What the traces of an `@opentelemetry` user have to do with one request. */
export interface RequestTrace {
  /** A request to a server begins. */
  attempt(server: string): AttemptTrace | undefined;
}

export interface AttemptTrace {
  /** The field for the server (W3C Trace Context). */
  readonly traceparent: string;
  readonly tracestate: string | undefined;
  answered(status: number): void;
  failed(code: string): void;
  /** Only the first call counts. */
  end(): void;
}

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
  /**
   * The request target as the client sent it, but `***@` in place of credentials in front of a host, and `***` in place of the part
   * in which egressGuard has found something.
   */
  target: string;
  /** Address of the client; that of the peer when Express' `trust proxy` does not trust it. */
  client: string | undefined;
  /** The Host field (`:authority`), as sent. */
  host: string | undefined;
  /** `1.0`, `1.1` or `2`; known once the transaction has ended and an observer is mounted, as are those below. */
  protocol: string | undefined;
  scheme: 'http' | 'https' | undefined;
  tls: TlsFacts | undefined;
  referer: string | undefined;
  userAgent: string | undefined;
  /** The client's place in a distributed trace (W3C Trace Context), when it is a valid one. */
  traceparent: string | undefined;
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
  /** The attempts before the last one; undefined when there was only one. */
  givenUp: GivenUpAttempt[] | undefined;
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
  /** As sent to the client; 499 when it had left before, 444 when the app has cut the connection without an answer. */
  status = 0;
  /** Of the body; of a tunnel or WebSocket all. */
  bytesSent = 0;
  bytesReceived = 0;
  /** Milliseconds until a server was chosen. */
  queued: number | undefined;
  /** Milliseconds the connection to the server took, TLS included; undefined when a kept one was used. */
  connect: number | undefined;
  /** Milliseconds until the body of the request was here; undefined without one. */
  reading: number | undefined;
  /** Milliseconds until the first byte of the answer's head came from a server. */
  firstByte: number | undefined;
  /** Milliseconds until the end. */
  total: number | undefined;
  outcome: Outcome | undefined;
  error: ErrorCode | undefined;
  /** Where on its way the request failed, or was when somebody left. */
  stage: ErrorStage | undefined;
  /** Who has cut it short. */
  abortedBy: 'client' | 'upstream' | 'proxy' | undefined;
  /** Somebody who knows more than the response ends the record: a forwarder, a tunnel, a WebSocket. */
  kept = false;
  trace: RequestTrace | undefined;
  #id: string | undefined;
  #watch: RecordWatch | undefined;

  constructor(method: string, target: string) {
    this.method = method;
    this.target = withoutUserinfo(target);
  }

  /** The request id, made when first asked for. The log, the error page and the client see the same one. */
  get id(): string {
    return (this.#id ??= newRequestId());
  }

  /** Takes this id; too late once somebody has asked for it. */
  adopt(id: string): void {
    this.#id ??= id;
  }

  /** Milliseconds from the first byte of the answer to the end. */
  get writing(): number | undefined {
    return this.total === undefined || this.firstByte === undefined
      ? undefined
      : this.total - this.firstByte;
  }

  get watch(): RecordWatch | undefined {
    return this.#watch;
  }

  watchWith(watch: RecordWatch): void {
    this.#watch = watch;
  }

  elapsed(): number {
    return clock.monotonic() - this.startedMonotonic;
  }

  /** Publishes the record; only the first call counts. */
  end(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.total = this.elapsed();
    const watch = this.#watch;
    const published = observed('sekisho:transaction');
    if (watch === undefined && !published) return;
    this.started = clock.now() - this.total;
    watch?.complete();
    if (published) publish('sekisho:transaction', this);
    watch?.tell();
  }
}
