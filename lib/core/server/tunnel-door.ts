import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { contextOf } from '../context.ts';
import { listTokens } from '../http/fields.ts';
import { InsideServer } from './inside-server.ts';
import { PendingUpgrade } from './pending-upgrade.ts';
import { noteDestination, type ProxyEntrance } from './proxied-request.ts';
import { openSocketDoor } from './socket-door.ts';
import type { Chain } from './upgrade-door.ts';

/** Sends CONNECT requests through the app of a server. */
export function openTunnels(server: Server, app: Chain, entrance: ProxyEntrance): void {
  const inside = new InsideServer(server, app);
  openSocketDoor(server, app, {
    event: 'connect',
    note: (req) => noteDestination(req, 'connect', entrance),
    ordinary: () => false,
    open: (req, socket, head) => new PendingTunnel(req, socket, head, { server, inside }),
    sharable: () => true,
  });
}

/** A CONNECT on its way through the chain. */
class PendingTunnel extends PendingUpgrade {
  readonly #req: IncomingMessage;
  readonly #server: Server;
  readonly #inside: InsideServer;

  constructor(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { server, inside }: { readonly server: Server; readonly inside: InsideServer },
  ) {
    super(req, socket, head);
    this.#req = req;
    this.#server = server;
    this.#inside = inside;
    this.res.shouldKeepAlive = server.listening && head.length === 0 && isPersistent(req);
  }

  readonly serveInside = (head: Buffer): void => {
    const { destination } = contextOf(this.#req);
    if (destination === undefined) this.socket.destroy();
    else
      this.#inside.serve(this.socket, head, {
        destination,
        credentials: this.#req.headersDistinct['proxy-authorization'] ?? [],
      });
  };

  /**
   * A client that was refused (407) asks again on the same connection, as curl and browsers do: it goes back to HTTP.
   * Not when it has sent more already: that was meant for the tunnel.
   */
  protected override answered(): void {
    const { res, socket } = this;
    const closes = listTokens(String(res.getHeader('connection') ?? '')).includes('close');
    if (!res.shouldKeepAlive || closes || socket.readableLength > 0 || socket.readableEnded) {
      super.answered();
      return;
    }
    this.release();
    const event = socket instanceof TLSSocket ? 'secureConnection' : 'connection';
    this.#server.emit(event, socket);
  }
}

function isPersistent({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.1' && !listTokens(headers.connection ?? '').includes('close');
}
