import type { IncomingMessage } from 'node:http';
import { clock } from '../clock.ts';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { PendingUpgrade } from './pending-upgrade.ts';
import { recordRefusal } from './proxied-request.ts';
import { answerRefusal } from './refusal.ts';

/** How long an app may think about an upgrade or a CONNECT (milliseconds); nginx' `proxy_read_timeout`. */
const patience = 60_000;

/**
 * Refuses what the app has neither answered nor let go on within a minute. http-proxy-middleware, for one, sends an upgrade on
 * as an ordinary request and then hears nothing: Node drops a 101 that nobody listens for. What one of our forwarders has
 * taken is left to its own time limits.
 */
export function refuseUnanswered(req: IncomingMessage, upgrade: PendingUpgrade): void {
  const { socket, head } = upgrade;
  const cancel = clock.after(patience, () => {
    socket.removeListener('close', cancel);
    if (!upgrade.pending || upgrade.res.headersSent || isCarried(req)) return;
    // Whoever answers after all does not fail by it: his response goes nowhere from now on.
    upgrade.release();
    contextOf(req).upgrade = undefined;
    const { res } = new PendingUpgrade(req, socket, head);
    const error = refusalOf(req);
    recordRefusal(req, res, error);
    res.once('close', () => {
      upgrade.abandon();
    });
    answerRefusal(res, error);
  });
  socket.once('close', cancel);
}

function isCarried(req: IncomingMessage): boolean {
  const { upstream, server } = contextOf(req).transaction;
  return upstream !== undefined || server !== undefined;
}

function refusalOf(req: IncomingMessage): ProxyError {
  const detail = `no handler has answered within ${patience / 1000} s`;
  const code = contextOf(req).proxied ? 'ERR_SEKISHO_NOT_A_PROXY' : 'ERR_SEKISHO_UPGRADE_REFUSED';
  return new ProxyError(code, { detail });
}
