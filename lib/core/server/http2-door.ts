import { IncomingMessage, type RequestListener } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { clock } from '../clock.ts';
import { contextOf } from '../context.ts';
import { noteRequest } from '../observing/every-request.ts';
import { recordUnanswerable } from './dropped-request.ts';
import { continueOnRead } from './expect-continue.ts';
import { Http2Exchanges } from './http2-exchange.ts';
import { Http2Session, type Http2Doors, type Http2Limits } from './http2-session.ts';
import { refuseAtDoor } from './proxied-request.ts';

/** How often sessions are looked through for requests and connections that have taken too long. */
const sweepInterval = 1000;

/**
 * Lets an https server speak HTTP/2 with the clients that have chosen it (ALPN `h2`); HTTP/1.1 goes on
 * as it is. Requests of both come as `request` events of the one server.
 */
export class Http2Door {
  readonly #server: HttpsServer;
  readonly #exchanges: Http2Exchanges;
  readonly #sessions: Set<Http2Session> = new Set();
  readonly #cancelSweep: () => void;
  #closing = false;

  /** @param server that offers `h2` and has just been made */
  constructor(server: HttpsServer, app: RequestListener, limits: Http2Limits) {
    this.#server = server;
    this.#exchanges = new Http2Exchanges(app);
    const serveHttp1 = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[];
    server.removeAllListeners('secureConnection');
    server.on('secureConnection', (socket) => {
      if (socket.alpnProtocol === 'h2') this.#open(socket);
      else for (const serve of serveHttp1) serve.call(server, socket);
    });
    this.#cancelSweep = clock.every(sweepInterval, () => {
      for (const session of this.#sessions) session.sweep(limits);
    });
  }

  /** No new streams; those in flight finish. */
  close(): void {
    this.#closing = true;
    for (const session of this.#sessions) session.close();
  }

  destroy(): void {
    this.#cancelSweep();
    for (const session of this.#sessions) session.destroy();
  }

  #open(socket: TLSSocket): void {
    const session = new Http2Session(socket, this.#exchanges, this.#doors);
    this.#sessions.add(session);
    if (this.#closing) session.close();
  }

  readonly #doors: Http2Doors = {
    serve: (req, res) => {
      if (req.headers.expect?.toLowerCase() === '100-continue') {
        contextOf(req).awaitsContinue = true;
        continueOnRead(req, res);
      }
      noteRequest(req, res);
      this.#server.emit('request', req, res);
    },
    refuse: (req, res, error) => {
      refuseAtDoor(this.#server, req, res, error);
    },
    broken: (connection) => {
      recordUnanswerable(this.#server, unreadRequest(connection), 400);
    },
    closed: (session) => {
      this.#sessions.delete(session);
    },
  };
}

/** Of which nothing is known but who has sent it. */
function unreadRequest(connection: TLSSocket): IncomingMessage {
  const req = new IncomingMessage(connection);
  req.method = req.url = '';
  [req.httpVersion, req.httpVersionMajor, req.httpVersionMinor] = ['2.0', 2, 0];
  return req;
}
