import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { noteRequest } from '../observing/every-request.ts';
import { trackSocket } from '../taken-sockets.ts';
import { afterAnswers, answerOn } from './after-answers.ts';
import { guardAnswer } from './answer-guard.ts';
import { HeldListeners, type SocketEvent } from './held-listeners.ts';
import type { PendingUpgrade } from './pending-upgrade.ts';
import { refuseAtDoor } from './proxied-request.ts';
import { leftOver } from './proxy-door.ts';
import { answerRefusal, reportError } from './refusal.ts';
import { refuseUnanswered } from './unanswered-upgrade.ts';
import type { Chain } from './upgrade-door.ts';

/** What is particular to upgrades, or to tunnels. */
export interface SocketDoor {
  readonly event: SocketEvent;
  /** @returns why the request is refused before the app sees it */
  note(req: IncomingMessage): ProxyError | undefined;
  /** The protocol is not to be changed: an ordinary request that node takes for an upgrade. */
  ordinary(req: IncomingMessage): boolean;
  open(req: IncomingMessage, socket: Duplex, head: Buffer): PendingUpgrade;
  /** Whether listeners of others may have what the app leaves alone. */
  sharable(req: IncomingMessage): boolean;
}

/** Sends what a server hands out as a bare socket through its app. */
export function openSocketDoor(server: Server, app: Chain, door: SocketDoor): void {
  const others = new HeldListeners(server, door.event, throughChain);

  function throughChain(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    trackSocket(server, socket);
    // Node 26 gives something else as socket while the body of the request has not come.
    const connection: Duplex = req.socket;
    if (answerOn(connection) === undefined) {
      enter(req, socket, head);
      return;
    }
    // The only way to notice that the client leaves.
    socket.read(0);
    afterAnswers(connection, () => {
      if (answerOn(connection) !== undefined) {
        socket.destroy();
        return;
      }
      // The one that node sets between two requests.
      (connection as Partial<Pick<Socket, 'setTimeout'>>).setTimeout?.(0);
      enter(req, socket, head);
    });
  }

  function enter(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const upgrade = door.open(req, socket, head);
    const { res } = upgrade;
    const problem = door.note(req);
    if (problem !== undefined) {
      refuseAtDoor(server, req, res, problem);
      return;
    }
    const context = contextOf(req);
    if (announcesBody(req)) {
      const detail = `${req.method === 'CONNECT' ? 'a CONNECT' : 'an upgrade request'} with a body`;
      refuseAtDoor(server, req, res, new ProxyError('ERR_SEKISHO_BAD_FRAMING', { detail }));
      return;
    }
    const ordinary = door.ordinary(req);
    if (!ordinary) {
      context.upgrade = upgrade;
      refuseUnanswered(req, upgrade);
    }
    if (context.proxied) guardAnswer(req, res);
    noteRequest(req, res);

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
