import type { Socket } from 'node:net';

const callers: WeakMap<Socket, Set<() => void>> = new WeakMap();

/**
 * Calls when a connection has ended: of responses whose turn has never come Node 22 says nothing. One listener for all of
 * them, because a client may send any number of requests ahead.
 *
 * @returns takes it back
 */
export function onConnectionEnd(socket: Socket, call: () => void): () => void {
  let calls = callers.get(socket);
  if (calls === undefined) {
    const all = (calls = new Set<() => void>());
    callers.set(socket, all);
    socket.once('close', () => {
      for (const each of all) each();
    });
  }
  const own = calls.add(call);
  return () => void own.delete(call);
}
