import type { Duplex } from 'node:stream';

/** Whoever moves the bytes of a socket that has left HTTP: a splice, a tunnel, somebody's own handler. */
export interface SocketOwner {
  /** Says goodbye in the words of the protocol spoken, then ends. */
  close(): void;
  /** Ends at once. */
  destroy(): void;
  /** Ends if nothing is going on: the server drains. */
  closeIdle?(): void;
}

interface Entry {
  owner: SocketOwner;
}

const entries = new WeakMap<Duplex, Entry>();
const entriesOf = new WeakMap<object, Set<Entry>>();

/**
 * Remembers an upgraded socket of a server until it closes: node's own `closeAllConnections()` no
 * longer knows it, so without this nobody could end it when the server drains.
 */
export function trackSocket(server: object, socket: Duplex): void {
  if (entries.has(socket)) return;
  const entry: Entry = {
    owner: { close: () => void socket.end(), destroy: () => void socket.destroy() },
  };
  const siblings = entriesOf.get(server) ?? new Set<Entry>();
  entriesOf.set(server, siblings.add(entry));
  entries.set(socket, entry);
  socket.once('close', () => siblings.delete(entry));
}

/** Names the one to ask when this socket is to end; nothing happens for a socket nobody tracks. */
export function ownSocket(socket: Duplex, owner: SocketOwner): void {
  const entry = entries.get(socket);
  if (entry !== undefined) entry.owner = owner;
}

/** The owners of all upgraded sockets of a server that are still open. */
export function socketOwners(server: object): readonly SocketOwner[] {
  return [...(entriesOf.get(server) ?? [])].map(({ owner }) => owner);
}
