import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { trackSocket } from '../taken-sockets.ts';
import { guardAnswer } from './answer-guard.ts';
import { HeldListeners, type SocketEvent } from './held-listeners.ts';
import type { PendingUpgrade } from './pending-upgrade.ts';
import { refuseAtDoor } from './proxied-request.ts';
import { leftOver } from './proxy-door.ts';
import { answerRefusal, reportError } from './refusal.ts';
import type { Chain } from './upgrade-door.ts';

/** What is particular to upgrades, or to tunnels. */
export interface SocketDoor {
  readonly event: SocketEvent;
  /** @returns why the request is refused before the app sees it */
  note(req: IncomingMessage): ProxyError | undefined;
  /** The protocol is not to be changed: an ordinary request that node takes for an upgrade. */
  ordinary(req: IncomingMessage): boolean;
  /** @throws when an earlier, pipelined request of this socket is still being answered */
  open(req: IncomingMessage, socket: Duplex, head: Buffer): PendingUpgrade;
  /** Whether listeners of others may have what the app leaves alone. */
  sharable(req: IncomingMessage): boolean;
}

/** Sends what a server hands out as a bare socket through its app. */
export function openSocketDoor(server: Server, app: Chain, door: SocketDoor): void {
  const others = new HeldListeners(server, door.event, throughChain);

  function throughChain(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    trackSocket(server, socket);
    let upgrade: PendingUpgrade;
    try {
      upgrade = door.open(req, socket, head);
    } catch {
      // Pipelined behind a request still being answered: no client does it, and the answers would mix.
      socket.destroy();
      return;
    }
    const { res } = upgrade;
    const problem = door.note(req);
    if (problem !== undefined) {
      refuseAtDoor(req, res, problem);
      return;
    }
    const context = contextOf(req);
    if (announcesBody(req)) {
      const detail = `${req.method === 'CONNECT' ? 'a CONNECT' : 'an upgrade request'} with a body`;
      refuseAtDoor(req, res, new ProxyError('ERR_SEKISHO_BAD_FRAMING', { detail }));
      return;
    }
    const ordinary = door.ordinary(req);
    if (!ordinary) context.upgrade = upgrade;
    if (context.proxied) guardAnswer(req, res);

    app(req, res, function fellThrough(error) {
      if (!upgrade.pending) return;
      const unwanted = error === undefined || error === null;
      if (unwanted && !ordinary && others.present && door.sharable(req))
        leaveToOthers(req, upgrade);
      else if (context.proxied) leftOver(req, res)(error);
      else {
        reportError(error);
        answerRefusal(res, error ?? undefined);
      }
    });
  }

  function leaveToOthers(req: IncomingMessage, upgrade: PendingUpgrade): void {
    // Not within the app's call stack: Express would take what they throw for an error of its own.
    process.nextTick(() => {
      if (!upgrade.pending || upgrade.socket.destroyed) return;
      upgrade.release();
      contextOf(req).upgrade = undefined;
      const { originalUrl } = req as { originalUrl?: string };
      if (contextOf(req).proxied && originalUrl !== undefined) req.url = originalUrl;
      others.call(req, upgrade.socket, upgrade.head);
    });
  }
}

function announcesBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}
