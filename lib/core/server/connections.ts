import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer, type TLSSocket } from 'node:tls';
import { clock } from '../clock.ts';
import { answerOn } from './after-answers.ts';

/**
 * How often it is looked whether clients take what they are sent (milliseconds): who has not taken a byte of his answer
 * from one look to the next is gone, or wants to hold what it costs us. nginx waits as long (`send_timeout`).
 */
const lookInterval = 60_000;

/** All open connections of a server, upgraded ones included. */
export class Connections {
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  /** Connections in the TLS handshake, by the peer's address. */
  readonly #handshaking: Map<string, Socket> = new Map();
  /** How far clients with an unread answer were. */
  readonly #taken: WeakMap<Socket, number> = new WeakMap();

  constructor(server: Server) {
    this.#server = server;
    if (server instanceof TlsServer) {
      server.on('connection', this.#shakeHands);
      server.on('secureConnection', (socket: Socket) => {
        this.#handshaking.delete(peerOf(socket));
        this.#add(socket);
      });
    } else server.on('connection', (socket: Socket) => this.#add(socket));
    // The server is ours, and so is its method: server.close() calls it, too.
    const closeIdle = server.closeIdleConnections.bind(server);
    server.closeIdleConnections = () => this.#sparing(closeIdle);
    const cancel = clock.every(lookInterval, () => this.#dropStuck());
    server.once('close', cancel);
  }

  /** Closes those that have not asked anything yet; node counts them as busy (browsers open some in advance). */
  closeUnused(): void {
    for (const socket of this.#handshaking.values()) socket.destroy();
    for (const socket of this.#sockets)
      // HTTP/2 has a farewell of its own.
      if (socket.bytesRead === 0 && (socket as Partial<TLSSocket>).alpnProtocol !== 'h2')
        socket.destroy();
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

  #add(socket: Socket): void {
    // A refused CONNECT gives its connection back to HTTP.
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #dropStuck(): void {
    for (const socket of this.#sockets) {
      // Tunnels and WebSockets have limits of their own.
      if (socket.writableLength === 0 || answerOn(socket) === undefined) continue;
      const taken = takenOf(socket);
      if (this.#taken.get(socket) === taken) socket.destroy();
      else this.#taken.set(socket, taken);
    }
  }

  readonly #shakeHands = (socket: Socket): void => {
    const peer = peerOf(socket);
    this.#handshaking.set(peer, socket);
    socket.once('close', () => {
      if (this.#handshaking.get(peer) === socket) this.#handshaking.delete(peer);
    });
  };

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

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ''} ${remotePort ?? ''}`;
}

/** Grows with what the client takes, by parts of what is being written, too: those are in what Node's own timeouts go by. */
function takenOf(socket: Socket): number {
  return socket.bytesWritten - unsentOf(socket);
}

/** Bytes that wait in this process for the client to take others. */
export function unsentOf(socket: Socket): number {
  const { _handle } = socket as { _handle?: { readonly writeQueueSize?: number } | null };
  return socket.writableLength + (_handle?.writeQueueSize ?? 0);
}
