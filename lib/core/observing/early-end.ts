import type { Request, Response } from 'express';
import type { ErrorStage } from '../error-codes.ts';
import { errorKinds } from '../error-codes.ts';
import type { Outcome, Transaction } from '../transaction.ts';

/** How a request has ended that no forwarder knows of. */
export function endOf(req: Request, res: Response, { error }: Transaction): Outcome {
  const kind = error === undefined ? undefined : errorKinds[error];
  if (res.writableFinished) {
    if (kind === undefined) return 'completed';
    return kind.source === 'client' || kind.source === 'policy' ? 'refused' : 'failed';
  }
  if (clientLeft(req, res)) return 'client-aborted';
  return kind?.source === 'upstream' ? 'upstream-aborted' : 'failed';
}

/** Whether the connection was ended from the other side, and not by a handler that destroyed its response. */
function clientLeft({ socket }: Request, res: Response): boolean {
  const { stream } = res as { stream?: { readonly rstCode?: number } };
  if (stream !== undefined) return stream.rstCode === cancelled || stream.rstCode === noError;
  return socket.readableEnded || Boolean(socket.errored);
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
