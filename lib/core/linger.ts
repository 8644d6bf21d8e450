import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { clock } from './clock.ts';

/** How long a client may take to read its last answer; as long as a slow mobile connection needs. */
const lingerTime = 2000;

/**
 * Ends a socket so that the peer gets everything written to it. Closing while unread bytes wait
 * would send a reset, and a reset makes the peer forget what it had already received
 * (RFC 9112 §9.6): so what still comes is read and dropped until the peer has closed, too.
 */
export function lingerEnd(socket: Duplex): void {
  if (socket.destroyed) return;
  socket.on('error', () => undefined);
  socket.end();
  socket.resume();
  const cancel = clock.after(lingerTime, () => socket.destroy());
  socket.once('close', cancel);
}

/**
 * Should the connection end with the answer to this request, while the client still sends it, it ends so that the answer
 * arrives: nginx' `lingering_close`.
 */
export function lingerAfterAnswer({ socket, complete, httpVersionMajor }: IncomingMessage): void {
  if (complete || httpVersionMajor >= 2) return;
  // Node calls it when the last answer of a connection is written.
  socket.destroySoon = () => {
    Reflect.deleteProperty(socket, 'destroySoon');
    // What still comes is no request any more.
    socket.removeAllListeners('data');
    lingerEnd(socket);
  };
}
