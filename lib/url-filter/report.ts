import type { Request } from 'express';
import type { Context } from '../core/context.ts';
import { observed, publish } from '../core/events.ts';
import type { FilterOutcome } from '../core/transaction.ts';

export interface Judgement {
  readonly outcome: FilterOutcome;
  readonly rule: string | undefined;
  readonly category?: string | undefined;
}

const longestTarget = 1024;

/** Puts a judgement into the record of the request, and tells those who watch the filter of what it refuses. */
export function report(
  judgement: Judgement,
  req: Request,
  context: Context,
  dryRun: boolean,
): void {
  const { outcome, rule, category } = judgement;
  const { transaction } = context;
  const passes = outcome === 'allowed' || outcome === 'exception';
  // Of several filters in a chain the one that had something to say stays in the record.
  if (outcome === 'allowed' && transaction.filter !== undefined) return;
  transaction.filter = dryRun && !passes ? `dry-run:${outcome}` : outcome;
  transaction.filterRule = rule;
  transaction.filterCategory = category;
  if (passes || !observed('sekisho:filter')) return;
  publish('sekisho:filter', {
    outcome,
    rule: rule ?? outcome,
    category,
    dryRun,
    client: req.ip,
    user: context.user?.name,
    method: req.method,
    target: targetOf(req, context),
    requestId: context.id,
  });
}

/** Host and path; queries may hold secrets. */
function targetOf(req: Request, { destination }: Context): string {
  const [where, path] =
    destination === undefined
      ? [req.headers.host ?? '', req.originalUrl]
      : [`${destination.hostname}:${destination.port}`, destination.path];
  return (where + (path.split('?', 1)[0] as string)).slice(0, longestTarget);
}
