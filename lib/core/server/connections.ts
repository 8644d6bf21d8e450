import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { answerOn } from './client-error.ts';

/** All open connections of a server, upgraded ones included. */
export class Connections {
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();

  constructor(server: Server) {
    this.#server = server;
    const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
    server.on(event, (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    // The server is ours, and so is its method: server.close() calls it, too.
    const closeIdle = server.closeIdleConnections.bind(server);
    server.closeIdleConnections = () => this.#sparing(closeIdle);
  }

  /** Closes those that have not asked anything yet; node counts them as busy (browsers open some in advance). */
  closeUnused(): void {
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  /** Answers whose head is not sent yet will tell the client that the connection ends with them. */
  announceClose(): void {
    for (const socket of this.#sockets) {
      const answer = answerOn(socket);
      if (answer?.headersSent === false) answer.shouldKeepAlive = false;
    }
  }

  destroy(): void {
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
  }

  /**
   * Node takes a connection for idle once `res.end()` was called, and destroys it with everything
   * that a slow client has not read yet. Such a connection is to end after its last byte instead.
   */
  #sparing(closeIdle: () => void): void {
    const unread = [...this.#sockets].filter(({ writableLength }) => writableLength > 0);
    for (const socket of unread)
      socket.destroy = () => {
        socket.destroySoon();
        return socket;
      };
    closeIdle();
    for (const socket of unread) delete (socket as Partial<Socket>).destroy;
  }
}
