import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { trackSocket } from '../taken-sockets.ts';
import { HeldListeners } from './held-listeners.ts';
import { ignoresUpgrade, keepOrdinary } from './ordinary-upgrades.ts';
import { PendingUpgrade } from './pending-upgrade.ts';
import { refuseUpgrade } from './refusal.ts';

/** What is called for a request: an Express app, or any request listener. */
export type Chain = (
  req: IncomingMessage,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Express' Response or node's
  res: any,
  next: (error?: unknown) => void,
) => unknown;

/** Sends the upgrades of a server through its app. */
export function openUpgrades(server: Server, app: Chain): void {
  const others = new HeldListeners(server, upgradeThroughChain);
  keepOrdinary(server);

  function upgradeThroughChain(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    trackSocket(server, socket);
    let upgrade: PendingUpgrade;
    try {
      upgrade = new PendingUpgrade(req, socket, head);
    } catch {
      // Pipelined behind a request still being answered: no client does it, and the answers would mix.
      socket.destroy();
      return;
    }
    const ordinary = ignoresUpgrade(req);
    if (announcesBody(req)) {
      const detail = 'an upgrade request with a body';
      refuseUpgrade(upgrade.res, new ProxyError('ERR_SEKISHO_BAD_FRAMING', { detail }));
      return;
    }
    if (!ordinary) contextOf(req).upgrade = upgrade;

    app(req, upgrade.res, function upgradeFellThrough(error) {
      if (!upgrade.pending) return;
      if ((error === undefined || error === null) && !ordinary && others.present)
        leaveToOthers(req, upgrade);
      else {
        reportError(error);
        refuseUpgrade(upgrade.res, error ?? undefined);
      }
    });
  }

  function leaveToOthers(req: IncomingMessage, upgrade: PendingUpgrade): void {
    // Not within the app's call stack: Express would take what they throw for an error of its own.
    process.nextTick(() => {
      if (!upgrade.pending || upgrade.socket.destroyed) return;
      upgrade.release();
      contextOf(req).upgrade = undefined;
      others.call(req, upgrade.socket, upgrade.head);
    });
  }
}

function announcesBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** Errors that nobody handled and nobody foresaw are shown as Express shows them. */
function reportError(error: unknown): void {
  if (error instanceof Error && !('status' in error) && !('statusCode' in error))
    console.error(error);
}
