import { ServerResponse, type IncomingMessage, type Server } from 'node:http';
import { contextOf } from '../context.ts';
import { showRefused } from './show-refused.ts';

/** Has those requests recorded that Node answers 503 by itself: beyond `maxRequestsPerSocket`. */
export function recordDropped(server: Server): void {
  server.on('dropRequest', (req) => {
    recordUnanswerable(server, req, 503);
  });
}

/** The record of a request whose answer, if there is one, is not ours. */
export function recordUnanswerable(server: Server, req: IncomingMessage, status: 400 | 503): void {
  const res = new ServerResponse(req);
  res.statusCode = status;
  const { transaction } = contextOf(req);
  if (status === 400) transaction.error = 'ERR_SEKISHO_BAD_REQUEST';
  transaction.client ??= req.socket.remoteAddress;
  showRefused(server, req, res);
  transaction.status = status;
  transaction.end('refused');
}
