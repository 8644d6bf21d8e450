import type { Request, Response } from 'express';
import type { AuthenticatedUser } from '../core/context.ts';
import { ProxyError, type ErrorCode } from '../core/errors.ts';
import type { AuthOutcome } from '../core/transaction.ts';
import type { Attempts } from './attempt.ts';
import type { Allow } from './authorization.ts';
import { isPromise } from './decision.ts';
import type { Attempt, Scheme, Verdict } from './scheme.ts';

/** What the gate makes of a request. */
export interface Decision {
  readonly outcome: AuthOutcome;
  /** For the log. */
  readonly reason?: string | undefined;
  readonly scheme?: Scheme | undefined;
  readonly user?: AuthenticatedUser | undefined;
  /** Whom the client claims to be, where that has not been judged. */
  readonly claimed?: string | undefined;
  /** The credentials that were wrong. */
  readonly refused?: Extract<Verdict, { kind: 'refused' }> | undefined;
  readonly error?: ProxyError | undefined;
}

export type Judge = (req: Request, res: Response) => Decision | Promise<Decision>;

/** Asks one scheme after the other until one has credentials, and then whether that user may. */
export function judgeBy(
  schemes: readonly Scheme[],
  attempts: Attempts,
  authorize: Allow | undefined,
): Judge {
  return (req, res) => ask(0, req, res, attempts.begin(req));

  function ask(
    index: number,
    req: Request,
    res: Response,
    attempt: Attempt,
    reason?: string,
  ): Decision | Promise<Decision> {
    const scheme = schemes[index];
    if (scheme === undefined) return nobody(req, res, attempt, reason);
    const decide = (verdict: Verdict): Decision | Promise<Decision> =>
      verdict.kind === 'absent'
        ? ask(index + 1, req, res, attempt, verdict.reason ?? reason)
        : decisionOf(scheme, verdict, req, authorize);
    const settle = (verdict: Verdict): Decision | Promise<Decision> => {
      const settled = attempts.settle(attempt, req, verdict);
      return isPromise(settled) ? settled.then(decide) : decide(settled);
    };
    const verdict = scheme.authenticate(req, res, attempt);
    return isPromise(verdict) ? verdict.then(settle) : settle(verdict);
  }

  async function begun(
    req: Request,
    res: Response,
    beginning: readonly Scheme[],
    reason: string | undefined,
  ): Promise<Decision> {
    for (const scheme of beginning)
      if (await scheme.begin?.(req, res)) return { outcome: 'answered', reason, scheme };
    return absent(reason);
  }

  function nobody(
    req: Request,
    res: Response,
    { dryRun }: Attempt,
    reason: string | undefined,
  ): Decision | Promise<Decision> {
    const beginning = schemes.filter((scheme) => 'begin' in scheme);
    return dryRun || beginning.length === 0 ? absent(reason) : begun(req, res, beginning, reason);
  }
}

function absent(reason = 'no credentials'): Decision {
  return { outcome: 'absent', reason };
}

function decisionOf(
  scheme: Scheme,
  verdict: Exclude<Verdict, { kind: 'absent' }>,
  req: Request,
  authorize: Allow | undefined,
): Decision | Promise<Decision> {
  switch (verdict.kind) {
    case 'answered':
      return { outcome: 'answered', reason: verdict.reason, scheme };
    case 'refused':
      return { outcome: 'refused', reason: verdict.reason, scheme, refused: verdict };
    case 'failed':
      return { ...failedDecision(verdict.error, scheme), claimed: verdict.name };
    case 'user':
      return authorize === undefined
        ? { outcome: 'passed', scheme, user: verdict.user }
        : authorized(scheme, verdict.user, req, authorize);
  }
}

function authorized(
  scheme: Scheme,
  user: AuthenticatedUser,
  req: Request,
  authorize: Allow,
): Decision | Promise<Decision> {
  const decide = (allowed: boolean): Decision =>
    allowed
      ? { outcome: 'passed', scheme, user }
      : { outcome: 'denied', reason: 'not allowed', scheme, user };
  const fail = (error: unknown): Decision => failedDecision(error, scheme, user);
  try {
    const allowed = authorize(user, req);
    return isPromise(allowed) ? allowed.then(decide, fail) : decide(allowed);
  } catch (error) {
    return fail(error);
  }
}

/** Some of what a scheme cannot judge is a judgement, too. */
const outcomes: Readonly<Partial<Record<ErrorCode, AuthOutcome>>> = {
  ERR_SEKISHO_AUTH_LOCKED: 'locked',
  ERR_SEKISHO_AUTH_DENIED: 'denied',
};

/** Whatever went wrong: it could not be told who this is or what he may, so it is no pass. */
export function failedDecision(
  cause: unknown,
  scheme?: Scheme,
  user?: AuthenticatedUser,
): Decision {
  const error =
    cause instanceof ProxyError
      ? cause
      : new ProxyError('ERR_SEKISHO_HOOK', { detail: `authGate: ${String(cause)}`, cause });
  return {
    outcome: outcomes[error.code] ?? 'failed',
    reason: error.detail ?? error.message,
    scheme,
    user,
    error,
  };
}
