import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Destination } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { parseDestination } from '../http/destination.ts';
import { ownSocket } from '../taken-sockets.ts';
import { guardAnswer } from './answer-guard.ts';
import { answerOn } from './after-answers.ts';
import { appOn, noteApp } from './attachments.ts';
import { answerClientErrors } from './client-error.ts';
import { deferContinue, refuseExpectations } from './expect-continue.ts';
import { expressClasses } from './express-classes.ts';
import { beProxied, refuseAtDoor } from './proxied-request.ts';
import { leftOver } from './proxy-door.ts';
import { openUpgrades, type Chain } from './upgrade-door.ts';

/** How often clients are looked for that are too slow with a request (milliseconds); Node's own 30 s are long. */
export const checkingInterval = 1000;

/** The tunnel that requests come out of. */
export interface Inside {
  readonly destination: Destination;
  /** `Proxy-Authorization` of the CONNECT: inside the tunnel the client does not say it again. */
  readonly credentials: readonly string[];
}

/**
 * Speaks HTTP with clients inside their tunnels. It listens nowhere: sockets are handed to it. What comes is put through
 * the app's chain as requests for the destination of the tunnel; whoever names another one gets a 400.
 */
export class InsideServer {
  readonly #outside: Server;
  readonly #app: Chain;
  readonly #tunnels: WeakMap<Duplex, Inside> = new WeakMap();
  #server: Server | undefined;

  constructor(outside: Server, app: Chain) {
    this.#outside = outside;
    this.#app = app;
  }

  serve(socket: Duplex, head: Buffer, inside: Inside): void {
    this.#tunnels.set(socket, inside);
    this.#server ??= this.#create();
    const server = this.#server;
    ownSocket(socket, {
      close: () => void socket.end(),
      destroy: () => void socket.destroy(),
      closeIdle: () => {
        if (answerOn(socket) === undefined) socket.destroy();
      },
    });
    if (head.length > 0) socket.unshift(head);
    server.emit('connection', socket);
    socket.resume();
  }

  #create(): Server {
    const { headersTimeout, requestTimeout, keepAliveTimeout } = this.#outside;
    const server = createServer({
      ...expressClasses(this.#app as RequestListener),
      headersTimeout,
      requestTimeout,
      keepAliveTimeout,
      // `#note` demands one, and has it recorded.
      requireHostHeader: false,
      connectionsCheckingInterval: checkingInterval,
    } as ServerOptions);
    // It never listens, but that is when Node begins to look after clients that are slow with their requests.
    server.emit('listening');
    this.#outside.once('close', () => server.close());
    const app = appOn(this.#outside);
    if (app !== undefined) noteApp(server, app);
    server.on('request', (req, res) => {
      this.#request(server, req, res);
    });
    openUpgrades(server, this.#app, (req) => this.#note(req));
    deferContinue(server);
    refuseExpectations(server);
    answerClientErrors(server);
    return server;
  }

  #request(server: Server, req: IncomingMessage, res: ServerResponse): void {
    const problem = this.#note(req);
    if (problem !== undefined) {
      refuseAtDoor(server, req, res, problem);
      return;
    }
    if (!this.#outside.listening) res.shouldKeepAlive = false;
    guardAnswer(req, res);
    this.#app(req, res, leftOver(req, res));
  }

  #note(req: IncomingMessage): ProxyError | undefined {
    const inside = this.#tunnels.get(req.socket);
    const { headersDistinct } = req;
    const asksTheServer = req.method === 'OPTIONS' && req.url === '*';
    const url = asksTheServer ? '/' : (req.url ?? '');
    const hosts = headersDistinct.host ?? [];
    if (inside === undefined || !url.startsWith('/') || hosts.length !== 1)
      return badHost('neither path nor Host say what is wanted inside the tunnel');
    const { hostname, port } = inside.destination;
    const named = parseDestination(`http://${hosts[0] as string}${url}`, 'http');
    if ('malformed' in named) return badHost(named.malformed);
    if (named.hostname !== hostname || named.port !== port)
      return badHost('Host is not that of the tunnel');
    replaceCredentials(req, inside.credentials);
    const upgrades = req.headers.upgrade?.toLowerCase() === 'websocket';
    beProxied(req, upgrades ? { ...named, scheme: 'ws' } : named);
    return undefined;
  }
}

/** What the client says inside is said to the destination, and no credential for us. */
function replaceCredentials(req: IncomingMessage, credentials: readonly string[]): void {
  const { rawHeaders } = req;
  for (let index = rawHeaders.length - 2; index >= 0; index -= 2)
    if ((rawHeaders[index] as string).toLowerCase() === 'proxy-authorization')
      rawHeaders.splice(index, 2);
  for (const value of credentials) rawHeaders.push('Proxy-Authorization', value);
  // Node keeps what it has read of the raw fields: it is to be read anew.
  delete req.headers['proxy-authorization'];
  const [first] = credentials;
  if (first !== undefined) req.headers['proxy-authorization'] = first;
}

function badHost(detail: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_BAD_HOST', { detail });
}
