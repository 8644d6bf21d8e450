import type { Request } from 'express';
import { contextOf } from '../core/context.ts';
import { observed, publish } from '../core/events.ts';
import type { Decision } from './judge.ts';

const longestName = 256;

/** Puts the verdict into the record of the request, and tells those who watch the gate of what it refuses. */
export function report(decision: Decision, req: Request, dryRun: boolean): void {
  const { outcome, reason, scheme, user, refused, claimed } = decision;
  const context = contextOf(req);
  const { transaction } = context;
  const passes = outcome === 'passed' || outcome === 'preflight' || outcome === 'answered';
  transaction.auth = dryRun && !passes ? `dry-run:${outcome}` : outcome;
  transaction.authReason = reason;
  if (passes || !observed('sekisho:auth')) return;
  publish('sekisho:auth', {
    outcome,
    reason: reason ?? outcome,
    dryRun,
    scheme: scheme?.name,
    name: (user?.name ?? refused?.name ?? claimed)?.slice(0, longestName),
    client: req.ip,
    method: req.method,
    path: pathOf(req.originalUrl),
    requestId: context.id,
  });
}

/** Queries and the user part of an absolute target may hold secrets. */
function pathOf(target: string): string {
  return (target.split('?', 1)[0] as string).replace(/^([a-z]+:\/\/)[^/]*@/i, '$1');
}
