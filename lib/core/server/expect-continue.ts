import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { lingerAfterAnswer } from '../linger.ts';
import { refuseAtDoor } from './proxied-request.ts';

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
    // A client that has waited long enough sends its body all the same.
    lingerAfterAnswer(req);
    server.emit('request', req, res);
  });
}

/** What else a client may expect nobody can do (RFC 9110 §10.1.1): Node's 417, with a record. */
export function refuseExpectations(server: Server): void {
  server.on('checkExpectation', function refuseExpectation(req, res) {
    // The user's own listener stays in charge.
    if (server.listenerCount('checkExpectation') > 1) return;
    const message = 'The expectation of the request cannot be met';
    const detail = `Expect: ${req.headers.expect ?? ''}`;
    const error = new ProxyError('ERR_SEKISHO_BAD_REQUEST', { status: 417, message, detail });
    refuseAtDoor(server, req, res, error);
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
