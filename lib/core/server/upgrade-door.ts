import type { IncomingMessage, Server } from 'node:http';
import { contextOf } from '../context.ts';
import type { ProxyError } from '../errors.ts';
import { ignoresUpgrade, keepOrdinary } from './ordinary-upgrades.ts';
import { ownPath } from './own-target.ts';
import { PendingUpgrade } from './pending-upgrade.ts';
import { noteDestination, type ProxyEntrance } from './proxied-request.ts';
import { openSocketDoor } from './socket-door.ts';

/** What is called for a request: an Express app, or any request listener. */
export type Chain = (
  req: IncomingMessage,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Express' Response or node's
  res: any,
  next: (error?: unknown) => void,
) => unknown;

/** Sends the upgrades of a server through its app. */
export function openUpgrades(
  server: Server,
  app: Chain,
  note: (req: IncomingMessage) => ProxyError | undefined,
): void {
  keepOrdinary(server);
  openSocketDoor(server, app, {
    event: 'upgrade',
    note,
    ordinary: ignoresUpgrade,
    open: (req, socket, head) => new PendingUpgrade(req, socket, head),
    // A WebSocket server of the app would take a foreign URL for its own.
    sharable: (req) => !contextOf(req).proxied,
  });
}

/** `GET ws://other.example/ …` is for the forward proxy. */
export function noteAbsolute(
  entrance: ProxyEntrance,
): (req: IncomingMessage) => ProxyError | undefined {
  return (req) => {
    const { url = '' } = req;
    if (url.startsWith('/') || url === '*') return undefined;
    const path = ownPath(req);
    if (path === undefined) return noteDestination(req, 'http', entrance);
    req.url = path;
    return undefined;
  };
}
