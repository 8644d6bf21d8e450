import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { contextOf } from '../context.ts';

/**
 * Leaves `100 Continue` to whoever handles the request: a gate that refuses gets no body sent, a
 * forwarder hands on the upstream's own 100, and a handler here that reads the body sends it by
 * reading (node's default sends it before anybody has looked at the request).
 */
export function deferContinue(server: Server): void {
  server.on('checkContinue', function deferContinue(req, res) {
    // The user's own listener stays in charge.
    if (server.listenerCount('checkContinue') > 1) return;
    contextOf(req).awaitsContinue = true;
    continueOnRead(req, res);
    server.emit('request', req, res);
  });
}

/** Sends `100 Continue` when somebody begins to read the body and nobody has answered. */
export function continueOnRead(req: IncomingMessage, res: ServerResponse): void {
  req._read = function readAndContinue(size) {
    delete (req as Partial<IncomingMessage>)._read;
    const context = contextOf(req);
    if (context.awaitsContinue && !res.headersSent) {
      context.awaitsContinue = false;
      res.writeContinue();
    }
    req._read(size);
  };
}
