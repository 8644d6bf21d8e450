import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { ProxyError } from '../errors.ts';
import { guardAnswer } from './answer-guard.ts';
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
  for (const listener of server.listeners('request') as Chain[]) {
    server.removeListener('request', listener as never);
    server.on('request', function door(req: IncomingMessage, res: ServerResponse) {
      if ((req.url as string).charCodeAt(0) === slash || req.url === '*')
        listener.call(server, req, res, nothing);
      else serveProxied(listener, entrance, req, res);
    });
  }
}

function serveProxied(
  app: Chain,
  entrance: ProxyEntrance,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const problem = noteDestination(req, 'http', entrance);
  if (problem !== undefined) {
    if (!res.headersSent) refuseAtDoor(req, res, problem);
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
