import type { Server } from 'node:http';
import { clock } from '../clock.ts';
import { socketOwners } from '../taken-sockets.ts';
import type { Connections } from './connections.ts';
import type { Http2Door } from './http2-door.ts';

/** How often connections whose last answer has ended are looked for. */
const sweepInterval = 50;
/** How long WebSockets may take for the closing handshake after the grace period. */
export const farewellTime = 1000;

/**
 * Ends a server without breaking what it is doing:
 *
 * 1. New connections are refused. Idle ones are closed. Answers carry `Connection: close`, HTTP/2
 *    connections get GOAWAY.
 * 2. Requests in flight finish; their connections close after them.
 * 3. After the grace period what is still in flight is cut off, and WebSockets get a Close frame
 *    1001 ("going away") and a second for their farewell.
 *
 * @returns when no connection is left
 */
export async function drain(
  server: Server,
  connections: Connections,
  gracePeriod: number,
  http2?: Http2Door,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.prependListener('request', function announceClose(_req, res) {
    res.shouldKeepAlive = false;
  });
  connections.closeUnused();
  connections.announceClose();
  http2?.close();
  const cancelSweep = clock.every(sweepInterval, () => {
    server.closeIdleConnections();
    for (const owner of socketOwners(server)) owner.closeIdle?.();
  });
  let cancelDeadline = clock.after(gracePeriod, () => {
    server.closeAllConnections();
    http2?.destroy();
    for (const owner of socketOwners(server)) owner.close();
    cancelDeadline = clock.after(farewellTime, () => {
      for (const owner of socketOwners(server)) owner.destroy();
      connections.destroy();
    });
  });
  await closed;
  cancelSweep();
  cancelDeadline();
  http2?.destroy();
}
