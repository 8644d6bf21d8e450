import type { Request, Response } from 'express';
import type { ErrorSource, ErrorStage } from '../error-codes.ts';
import { errorKinds } from '../error-codes.ts';
import type { Outcome, Transaction } from '../transaction.ts';

/** How a request has ended that no forwarder knows of. */
export function endOf(req: Request, res: Response, { error }: Transaction): Outcome {
  const kind = error === undefined ? undefined : errorKinds[error];
  if (res.writableFinished) return kind === undefined ? 'completed' : outcomeBy(kind.source);
  if (clientLeft(req, res)) return 'client-aborted';
  return kind?.source === 'upstream' ? 'upstream-aborted' : 'failed';
}

/** What is the client's fault, or against the rules, is refused. */
export function outcomeBy(source: ErrorSource): 'refused' | 'failed' {
  return source === 'client' || source === 'policy' ? 'refused' : 'failed';
}

/** Whether the connection was ended from the other side, and not by a handler that destroyed its response. */
function clientLeft({ socket }: Request, res: Response): boolean {
  const { stream } = res as { stream?: { readonly rstCode?: number } };
  if (stream !== undefined) return stream.rstCode === cancelled || stream.rstCode === noError;
  const errored: NodeJS.ErrnoException | null = socket.errored;
  if (res.errored) return Boolean(errored?.code) && errored !== res.errored;
  // Node's own failures have a code.
  return socket.readableEnded || Boolean(errored?.code);
}

/** RFC 9113 §7. */
const noError = 0;
const cancelled = 8;

/** Where a request was when its client left. */
export function placeOf(req: Request, res: Response, record: Transaction): ErrorStage {
  if (res.headersSent) return record.status === 101 ? 'upgrade' : 'body';
  if (!req.complete) return 'request';
  if (record.attempts > 0) return 'headers';
  return record.upstream === undefined ? 'route' : 'pick';
}
