import type { NextFunction, Request, Response } from 'express';
import type { Context } from '../context.ts';
import { ProxyError, type ErrorCode } from '../errors.ts';
import { lingerAfterAnswer } from '../linger.ts';
import { outcomeBy } from '../observing/early-end.ts';
import { routeOf } from '../observing/route.ts';
import { readRequest, type RequestReading } from '../http/request-reading.ts';

const badRequest: Readonly<Record<NonNullable<RequestReading['problem']>['kind'], ErrorCode>> = {
  framing: 'ERR_SEKISHO_BAD_FRAMING',
  host: 'ERR_SEKISHO_BAD_HOST',
  request: 'ERR_SEKISHO_BAD_REQUEST',
};

/**
 * Connections on which a malformed request came: where it ends is anybody's guess, and Node may have read
 * another one from the same bytes before the connection is closed.
 */
const condemned: WeakSet<object> = new WeakSet();

/**
 * Reads the fields of a request.
 *
 * @throws {ProxyError} ERR_SEKISHO_BAD_FRAMING, ERR_SEKISHO_BAD_HOST or ERR_SEKISHO_BAD_REQUEST when another
 * reader could read it differently
 */
export function judge(req: Request): RequestReading {
  if (condemned.has(req.socket))
    throw new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail: 'it follows a malformed request' });
  const reading = readRequest(req.rawHeaders, req.httpVersion);
  const { problem } = reading;
  if (problem !== undefined)
    throw new ProxyError(badRequest[problem.kind], { detail: problem.detail });
  if (req.method === 'TRACE' && (reading.chunked || reading.length > 0))
    throw new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail: 'TRACE with a body' });
  return reading;
}

/** Passes a failure on to the app's error handlers; an ambiguous request also costs its connection. */
export function refuse(
  error: unknown,
  req: Request,
  res: Response,
  next: NextFunction,
  context: Context,
): void {
  const { transaction } = context;
  const known =
    error instanceof ProxyError ? error : new ProxyError('ERR_SEKISHO_HOOK', { cause: error });
  context.refused(known);
  transaction.client ??= req.socket.remoteAddress;
  // The routers will have taken their mount paths back when the record ends.
  transaction.route ??= routeOf(req);
  if (known.source === 'client' && known.status === 400 && !res.headersSent) {
    res.setHeader('Connection', 'close');
    res.shouldKeepAlive = false;
    lingerAfterAnswer(req);
    if (req.httpVersionMajor < 2) condemned.add(req.socket);
  }
  res.once('close', () => {
    // When a reply was under way it has ended the record already, and this says nothing.
    if (transaction.outcome === undefined) transaction.status = res.statusCode;
    transaction.end(outcomeBy(known.source));
    // A body half read by who came before would block the connection.
    if (!req.readableEnded) req.resume();
  });
  if (req.destroyed && res.destroyed) transaction.end('client-aborted');
  else next(known);
}
