import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { ProxyError } from '../errors.ts';
import { guardAnswer } from './answer-guard.ts';
import { ownPath } from './own-target.ts';
import {
  noteDestination,
  recordRefusal,
  refuseAtDoor,
  type ProxyEntrance,
} from './proxied-request.ts';
import { answerRefusal, reportError } from './refusal.ts';
import type { Chain } from './upgrade-door.ts';

const slash = 47;
/** Express, or node, deals with what falls through. */
const nothing = undefined as never;

/**
 * Tells requests in absolute-form, which a client sends to its forward proxy, from those for this server before any
 * listener sees them: an app takes `GET http://other.example/admin` for its own `/admin`. Listeners that are added
 * later are not covered.
 */
export function openToProxied(server: Server, entrance: ProxyEntrance): void {
  const listeners = server.listeners('request') as Chain[];
  const demandsHost = listeners.length > 0 && takeHostCheck(server as HostDemand);
  for (const listener of listeners) {
    server.removeListener('request', listener as never);
    server.on('request', function door(req: IncomingMessage, res: ServerResponse) {
      // Born ended (`optimizeEmptyRequests`), yet called complete later only: Express' own 404 would wait for an end that has been.
      if (req.readableEnded && !req.complete) req.complete = true;
      if (demandsHost && isWithoutHost(req)) {
        if (!res.headersSent) refuseAtDoor(server, req, res, withoutHost());
      } else if ((req.url as string).charCodeAt(0) === slash || req.url === '*')
        listener.call(server, req, res, nothing);
      else serveProxied(server, listener, entrance, req, res);
    });
  }
}

interface HostDemand {
  requireHostHeader?: boolean | undefined;
}

/** Node refuses a request without Host (RFC 9112 §3.2) so that nobody hears of it. */
function takeHostCheck(server: HostDemand): boolean {
  const demands = server.requireHostHeader !== false;
  server.requireHostHeader = false;
  return demands;
}

function isWithoutHost(req: IncomingMessage): boolean {
  return req.headers.host === undefined && req.httpVersionMajor === 1 && req.httpVersionMinor === 1;
}

function withoutHost(): ProxyError {
  return new ProxyError('ERR_SEKISHO_BAD_HOST', { detail: 'no Host' });
}

function serveProxied(
  server: Server,
  app: Chain,
  entrance: ProxyEntrance,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const path = ownPath(req);
  if (path !== undefined) {
    req.url = path;
    app.call(server, req, res, nothing);
    return;
  }
  const problem = noteDestination(req, 'http', entrance);
  if (problem !== undefined) {
    if (!res.headersSent) refuseAtDoor(server, req, res, problem);
    return;
  }
  guardAnswer(req, res);
  app(req, res, leftOver(req, res));
}

/** Answers a proxied request that has come out of the chain: nobody there is a forward proxy, or nobody handled the error. */
export function leftOver(req: IncomingMessage, res: ServerResponse): (error?: unknown) => void {
  return function leftOver(error) {
    if (res.headersSent) {
      // As Express does: half an answer must not look like a whole one.
      if (error !== undefined && error !== null && !res.writableEnded) res.destroy();
      return;
    }
    reportError(error);
    const refusal = error ?? new ProxyError('ERR_SEKISHO_NOT_A_PROXY');
    recordRefusal(req, res, refusal);
    answerRefusal(res, refusal);
  };
}
