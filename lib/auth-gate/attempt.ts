import type { Request } from 'express';
import { ProxyError } from '../core/errors.ts';
import { isPromise } from './decision.ts';
import type { Lockout, Subject } from './lockout.ts';
import type { Attempt, Verdict } from './scheme.ts';
import { Turns } from './turns.ts';

const mostWaiting = 1000;

/** What the gate has for each request: with `lockout` one that counts, else the same for all. */
export interface Attempts {
  begin(req: Request): Attempt;
  /** Counts a refusal that the scheme has not put under guard. @returns what becomes of the verdict */
  settle(attempt: Attempt, req: Request, verdict: Verdict): Verdict | Promise<Verdict>;
}

export function attemptsWithout(dryRun: boolean): Attempts {
  const attempt: Attempt = { dryRun, guard: (_name, _known, judge) => judge() };
  return { begin: () => attempt, settle: (_attempt, _req, verdict) => verdict };
}

export function attemptsWith(lockout: Lockout, dryRun: boolean): Attempts {
  const turns = new Turns(mostWaiting);
  return {
    begin: (req) => new GuardedAttempt(lockout, turns, dryRun, req.ip),
    settle(attempt, req, verdict) {
      if (verdict.kind !== 'refused' || verdict.counts === false) return verdict;
      if (attempt instanceof GuardedAttempt && attempt.guarded) return verdict;
      const subject = lockout.subject(verdict.name, req.ip);
      const decide = (remaining: number): Verdict | Promise<Verdict> =>
        remaining > 0 ? locked(remaining, verdict.name) : counted(lockout, subject, false, verdict);
      const remaining = lockout.remaining(subject);
      return typeof remaining === 'number' ? decide(remaining) : remaining.then(decide);
    },
  };
}

class GuardedAttempt implements Attempt {
  readonly dryRun: boolean;
  guarded = false;
  readonly #lockout: Lockout;
  readonly #turns: Turns;
  readonly #ip: string | undefined;

  constructor(lockout: Lockout, turns: Turns, dryRun: boolean, ip: string | undefined) {
    this.#lockout = lockout;
    this.#turns = turns;
    this.dryRun = dryRun;
    this.#ip = ip;
  }

  guard(
    name: string,
    known: boolean,
    judge: () => Verdict | Promise<Verdict>,
  ): Verdict | Promise<Verdict> {
    this.guarded = true;
    const lockout = this.#lockout;
    const subject = lockout.subject(name, this.#ip);
    const decide = (remaining: number): Verdict | Promise<Verdict> => {
      if (remaining > 0) return locked(remaining, name);
      const verdict = judge();
      return isPromise(verdict)
        ? verdict.then((later) => counted(lockout, subject, known, later))
        : counted(lockout, subject, known, verdict);
    };
    // Nothing can be learnt of a password that is known already, so nobody has to be asked either.
    if (known) return decide(lockout.remainingHere(subject));
    return this.#turns.take(
      subject.pair,
      () => {
        const remaining = lockout.remaining(subject);
        return typeof remaining === 'number' ? decide(remaining) : remaining.then(decide);
      },
      () => locked(1000, name),
    );
  }
}

function counted(
  lockout: Lockout,
  subject: Subject,
  known: boolean,
  verdict: Verdict,
): Verdict | Promise<Verdict> {
  if (verdict.kind === 'user') lockout.passed(subject, known);
  if (verdict.kind !== 'refused') return verdict;
  const told = lockout.failed(subject);
  return told === undefined ? verdict : told.then(() => verdict);
}

function locked(remaining: number, name: string | undefined): Verdict {
  return {
    kind: 'failed',
    ...(name !== undefined && { name }),
    error: new ProxyError('ERR_SEKISHO_AUTH_LOCKED', {
      headers: { 'Retry-After': String(Math.max(1, Math.ceil(remaining / 1000))) },
    }),
  };
}
