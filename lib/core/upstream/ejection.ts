import { clock } from '../clock.ts';
import { publish } from '../events.ts';
import { isServerError, verdictOf, type AttemptResult } from './attempt.ts';
import type { ParsedEjection } from './ejection-options.ts';
import { reachable } from './candidates.ts';
import type { Ejection, Server } from './server.ts';

/** Connects in a row that timed out: one lost packet is none. */
const timeoutsToUnreachable = 2;
/** A slower server must be slower by this much, too: 20 times nothing is nothing. */
const leastSlowness = 250;
/** A server that fails this many times as often as the others together is the odd one out. */
const oddOneOut = 3;

interface Sentence {
  /** How often it was sent out, less what good behaviour took off. */
  level: number;
  /** How long the last ejection took, when it began, and when it ended. */
  duration: number;
  begun: number;
  ended: number;
  cancel: (() => void) | undefined;
}

export interface EjectionHost {
  readonly name: string;
  readonly servers: readonly Server[];
  /** A server was ejected. */
  ejected(server: Server): void;
  /** A server is back. */
  readmitted(server: Server): void;
}

/** Judges servers by what becomes of their requests, takes them out and lets them back in. See EjectionOptions. */
export class Ejector {
  readonly #options: ParsedEjection;
  readonly #host: EjectionHost;
  readonly #sentences: WeakMap<Server, Sentence> = new WeakMap();

  constructor(options: ParsedEjection, host: EjectionHost) {
    this.#options = options;
    this.#host = host;
  }

  observe(server: Server, result: AttemptResult, now: number): void {
    if (result.kind === 'answer') this.#answered(server, result.status, result.milliseconds, now);
    else this.#failed(server, result, now);
  }

  /** An active check that began at `begun` found the server well: it can be reached after all. */
  vouch(server: Server, begun: number): void {
    if (server.ejected === 'unreachable' && begun > (this.#sentences.get(server)?.begun ?? 0))
      this.#readmit(server, 'health check');
  }

  /** The server has left the pool. */
  forget(server: Server): void {
    this.#sentences.get(server)?.cancel?.();
    this.#sentences.delete(server);
  }

  #answered(server: Server, status: number, milliseconds: number, now: number): void {
    const { evidence } = server;
    const failed = isServerError(status);
    evidence.consecutiveFailures = 0;
    evidence.add(now, this.#options.window, failed);
    if (failed) {
      evidence.consecutiveErrors++;
      // A server on probation has nothing to come and go on: one more error decides.
      if (server.probation) {
        server.probation = false;
        this.#judge(server, 'failing', `${status} on its return`, now);
      } else if (evidence.consecutiveErrors >= this.#options.consecutiveFailures)
        this.#judge(server, 'failing', `${evidence.consecutiveErrors} errors in a row`, now);
      else this.#judgeRate(server, now);
      if (server.ejected === 'unreachable') this.#readmit(server, 'answered');
      return;
    }
    evidence.consecutiveErrors = 0;
    server.probation = false;
    if (server.ejected === 'unreachable') this.#readmit(server, 'answered');
    else if (milliseconds > leastSlowness) this.#judgeSlowness(server, now);
  }

  #failed(server: Server, result: AttemptResult & { kind: 'failure' }, now: number): void {
    const { error, reused } = result;
    const verdict = verdictOf(error, reused);
    if (verdict === 'nothing') return;
    const { evidence } = server;
    evidence.consecutiveFailures++;
    evidence.add(now, this.#options.window, true);
    if (verdict === 'unreachable') {
      this.#eject(server, 'unreachable', error.code, now);
      return;
    }
    if (
      error.code === 'ERR_SEKISHO_CONNECT_TIMEOUT' &&
      (server.probation || evidence.consecutiveFailures >= timeoutsToUnreachable)
    ) {
      this.#eject(server, 'unreachable', error.code, now);
      // Each try costs the whole timeout: one at a time, even as the last resort.
      server.probation = true;
      return;
    }
    if (server.probation) {
      server.probation = false;
      this.#judge(server, 'failing', `${error.code} on its return`, now);
      return;
    }
    if (verdict === 'timeout' && evidence.unanswered >= 3)
      this.#judge(server, 'failing', 'answers nothing at all', now);
    else if (evidence.consecutiveFailures >= this.#options.consecutiveFailures)
      this.#judge(server, 'failing', `${evidence.consecutiveFailures} failures in a row`, now);
    else this.#judgeRate(server, now);
  }

  #judgeRate(server: Server, now: number): void {
    const { window, minRequests, failureRate } = this.#options;
    const requests = server.evidence.requests(now, window);
    if (requests < minRequests) return;
    const rate = server.evidence.failures(now, window) / requests;
    if (rate < failureRate / 2) return;
    if (rate < failureRate) {
      // Half the rate convicts only on more evidence, and only one that stands out.
      if (requests < 2 * minRequests) return;
      let others = 0;
      let otherFailures = 0;
      for (const other of this.#host.servers) {
        if (other === server) continue;
        others += other.evidence.requests(now, window);
        otherFailures += other.evidence.failures(now, window);
      }
      if (others < minRequests || (oddOneOut * otherFailures) / others > rate) return;
    }
    this.#judge(server, 'failing', `${Math.round(rate * 100)} % of its requests failed`, now);
  }

  #judgeSlowness(server: Server, now: number): void {
    const { slowness, minRequests, window } = this.#options;
    const { latency } = server;
    if (slowness === false || latency === undefined || server.ejected !== undefined) return;
    if (server.evidence.requests(now, window) < minRequests) return;
    const others = this.#host.servers
      .filter((other) => other !== server && other.ejected === undefined)
      .flatMap((other) => other.latency ?? [])
      .sort((a, b) => a - b);
    const median = others[others.length >> 1];
    if (median === undefined || latency < median * slowness || latency - median < leastSlowness)
      return;
    this.#judge(
      server,
      'slow',
      `${Math.round(latency)} ms where the others take ${Math.round(median)} ms`,
      now,
    );
  }

  /** Ejects unless too many are out already: the last servers stay, whatever their answers. */
  #judge(server: Server, verdict: Ejection, reason: string, now: number): void {
    if (server.ejected !== undefined) return;
    const present = this.#host.servers.filter((other) => !other.draining);
    const judged = present.filter(
      (other) => other.ejected !== undefined && other.ejected !== 'unreachable',
    ).length;
    const { maxEjected } = this.#options;
    const most = maxEjected === 0 ? 0 : Math.max(1, Math.floor(maxEjected * present.length));
    const remaining = present.some(
      (other) => other !== server && reachable(other) && other.ejected === undefined,
    );
    if (judged < most && remaining) this.#eject(server, verdict, reason, now);
  }

  #eject(server: Server, ejection: Ejection, reason: string, now: number): void {
    if (server.ejected !== undefined) {
      // A worse finding replaces the judgement; the time runs on.
      if (ejection === 'unreachable' && server.ejected !== 'unreachable') {
        server.ejected = ejection;
        this.#host.ejected(server);
      }
      return;
    }
    const { baseTime, maxTime } = this.#options;
    const sentence = this.#sentence(server);
    const good = now - sentence.ended;
    const forgiven = sentence.level === 0 ? 0 : Math.floor(good / sentence.duration);
    sentence.level = Math.max(0, sentence.level - forgiven);
    // Jitter, so that servers ejected together do not come back together.
    sentence.duration =
      Math.min(maxTime, baseTime * 2 ** sentence.level) * (1 + 0.1 * clock.random());
    if (baseTime * 2 ** sentence.level < maxTime) sentence.level++;
    sentence.begun = now;
    server.ejected = ejection;
    server.probation = false;
    sentence.cancel = clock.after(sentence.duration, () => this.#readmit(server, 'time is up'));
    publish('sekisho:ejection', {
      upstream: this.#host.name,
      server: server.name,
      ejected: true,
      reason,
      until: clock.now() + sentence.duration,
    });
    this.#host.ejected(server);
  }

  #readmit(server: Server, reason: string): void {
    const sentence = this.#sentence(server);
    sentence.cancel?.();
    sentence.cancel = undefined;
    sentence.ended = clock.monotonic();
    server.ejected = undefined;
    server.evidence.clear();
    server.latency = undefined;
    // Time alone proves nothing.
    server.probation = reason === 'time is up';
    publish('sekisho:ejection', {
      upstream: this.#host.name,
      server: server.name,
      ejected: false,
      reason,
    });
    this.#host.readmitted(server);
  }

  #sentence(server: Server): Sentence {
    let sentence = this.#sentences.get(server);
    if (sentence === undefined) {
      sentence = { level: 0, duration: 0, begun: 0, ended: 0, cancel: undefined };
      this.#sentences.set(server, sentence);
    }
    return sentence;
  }
}
