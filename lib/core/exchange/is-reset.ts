import type { Socket } from 'node:net';

/**
 * Whether the peer has reset a connection from which nobody reads at the moment. Node learns of it when it reads or writes; the system
 * knows it before: a reset connection has no peer (getpeername(2), ENOTCONN). `remoteAddress` remembers what it was told first,
 * so it is the handle that is asked. One that was closed in order looks like one that waits, until what it has sent is read.
 */
export function isReset(socket: Socket): boolean {
  const { _handle: handle } = socket as { _handle?: { getpeername?(peer: object): number } | null };
  const code = handle?.getpeername?.({});
  return code !== undefined && code < 0;
}
