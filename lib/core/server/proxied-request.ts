import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { contextOf, type Destination } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { lingerAfterAnswer } from '../linger.ts';
import { parseDestination } from '../http/destination.ts';
import { answerRefusal } from './refusal.ts';
import { showRefused } from './show-refused.ts';

/** Closed when the self-test has found that strangers get through. */
export interface ProxyEntrance {
  closed: boolean;
}

/**
 * Notes that a client speaks to us as its forward proxy, and where it wants to go. `req.url` becomes
 * `//host:port/path`, which no local route matches: `/` and `/:name` match no empty segment.
 *
 * @returns why the request is refused, when its target is malformed
 */
export function noteDestination(
  req: IncomingMessage,
  form: Destination['form'],
  entrance: ProxyEntrance,
): ProxyError | undefined {
  const target = req.url ?? '';
  // Before anything is changed: the record has the target as the client sent it.
  const { transaction } = contextOf(req);
  transaction.client = req.socket.remoteAddress;
  const parsed = parseDestination(target, form);
  if (!('malformed' in parsed)) {
    beProxied(req, parsed);
    if (!entrance.closed) return undefined;
    return new ProxyError('ERR_SEKISHO_PROXY_DENIED', { detail: 'the self-test has failed' });
  }
  const { malformed: detail, status } = parsed;
  return new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail, status });
}

/** The request is one for this destination. */
export function beProxied(req: IncomingMessage, destination: Destination): void {
  const context = contextOf(req);
  const { hostname, port, path } = destination;
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  context.proxied = true;
  context.destination = destination;
  context.transaction.destination = `${host}:${port}`;
  (req as { originalUrl?: string }).originalUrl ??= req.url ?? '';
  req.url = `//${host}:${port}${path === '' ? '/' : path}`;
}

/** The app never sees this one: the door answers, and writes the record. Observers of the app are told. */
export function refuseAtDoor(
  server: Server,
  req: IncomingMessage,
  res: ServerResponse,
  error: ProxyError,
): void {
  res.shouldKeepAlive = false;
  lingerAfterAnswer(req);
  recordRefusal(req, res, error);
  showRefused(server, req, res);
  answerRefusal(res, error);
}

/** The record of a request that the door answers, unless somebody in the chain ends it before. */
export function recordRefusal(req: IncomingMessage, res: ServerResponse, error: unknown): void {
  const { transaction } = contextOf(req);
  if (error instanceof ProxyError) transaction.error ??= error.code;
  transaction.client ??= req.socket.remoteAddress;
  res.once('close', () => {
    if (transaction.outcome === undefined) transaction.status = res.statusCode;
    transaction.end('refused');
  });
}
