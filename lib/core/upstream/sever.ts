import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/**
 * Cuts a connection so that its peer cannot take that for an end in order: by a reset, where an ordinary close would send a
 * FIN. TLS needs none: without its closing alert the peer knows (RFC 8446 §6.1).
 */
export function sever(socket: Duplex): void {
  if (socket.destroyed) return;
  if (socket instanceof Socket && !(socket instanceof TLSSocket))
    try {
      socket.resetAndDestroy();
      return;
    } catch {
      // A pipe has no reset.
    }
  socket.destroy();
}
