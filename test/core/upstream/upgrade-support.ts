/** What the tests of forwarded upgrades share: servers that switch protocols, and an attached app in front of them. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Express } from 'express';
import session from 'express-session';
import { WebSocket, WebSocketServer, type ClientOptions, type ServerOptions } from 'ws';
import { balancedProxy, type BalancedProxyOptions } from '../../../lib/balanced-proxy/index.ts';
import { attach } from '../../../lib/core/server/attach.ts';
import { socketOwners } from '../../../lib/core/taken-sockets.ts';
import type { ForwarderOptions, Target } from '../../../lib/core/upstream/forward.ts';
import { listen, listenRaw, type Listening } from '../../support/servers.ts';
import { rawClient, upgradeRequest, type RawClient } from '../../support/upgrades.ts';
import { appWith, showErrors } from './forward-support.ts';

export interface SocketServer extends Listening {
  readonly sockets: WebSocketServer;
  /** Requests that were upgraded. */
  readonly seen: IncomingMessage[];
}

/** A WebSocket server that echoes every message. */
export async function socketServer(
  t: TestContext,
  options: ServerOptions = {},
): Promise<SocketServer> {
  const server = createServer((_req, res) => res.end('http'));
  const sockets = new WebSocketServer({ server, ...options });
  const seen: IncomingMessage[] = [];
  sockets.on('connection', (socket, req) => {
    seen.push(req);
    socket.on('error', () => undefined);
    socket.on('message', (data, binary) => {
      socket.send(data as Buffer, { binary });
    });
  });
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
  });
  return { ...(await listen(t, server)), sockets, seen };
}

/** A server that speaks to each connection as told, once it has the head of the request. */
export async function headServer(
  t: TestContext,
  answer: (socket: Socket, head: string, early: string) => void,
): Promise<{ port: number; url: string }> {
  return listenRaw(t, (socket) => {
    let text = '';
    const gather = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      socket.off('data', gather);
      answer(socket, text.slice(0, end), text.slice(end + 4));
    };
    socket.on('data', gather);
  });
}

export function switching(more = '', protocol = 'echo'): string {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${more}\r\n`;
}

/** An app whose upgrades run through its chain. */
export async function attachedApp(
  t: TestContext,
  setup: (app: Express) => void,
): Promise<Listening & { readonly app: Express; readonly ws: string }> {
  const listening = await appWith(t, (app) => {
    setup(app);
    app.use(showErrors);
  });
  const { server } = listening;
  attach(server);
  t.after(() => {
    for (const owner of socketOwners(server)) owner.destroy();
  });
  return { ...listening, ws: listening.url.replace('http', 'ws') };
}

/** An attached app that forwards everything. */
export async function attachedProxy(
  t: TestContext,
  target: Target | BalancedProxyOptions,
  options?: ForwarderOptions,
): Promise<Listening & { readonly ws: string }> {
  return attachedApp(t, (app) => {
    const proxy = balancedProxy(target, options);
    t.after(() => void proxy.close());
    app.use(proxy);
  });
}

export interface OpenSocket {
  readonly socket: WebSocket;
  /** The head of the 101. */
  readonly answer: IncomingMessage;
  /** Sends a message and gets the next that comes. */
  readonly ask: (message: string | Buffer) => Promise<Buffer>;
  /** The code it was closed with. */
  readonly closed: Promise<number>;
}

/** @throws what `ws` says when it is not upgraded */
export async function openSocket(
  t: TestContext,
  url: string,
  options: ClientOptions & { protocols?: string[] } = {},
): Promise<OpenSocket> {
  const socket = new WebSocket(url, options.protocols ?? [], options);
  t.after(() => {
    socket.terminate();
  });
  let answer!: IncomingMessage;
  socket.once('upgrade', (res) => (answer = res));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await once(socket, 'open');
  socket.on('error', () => undefined);
  const ask = async (message: string | Buffer): Promise<Buffer> => {
    const next = once(socket, 'message');
    socket.send(message);
    const [data] = (await next) as [Buffer];
    return data;
  };
  return { socket, answer, ask, closed };
}

/** A bare client that has sent an upgrade request. */
export async function upgradingClient(
  t: TestContext,
  port: number,
  path = '/',
  more = '',
  early = '',
): Promise<RawClient> {
  const client = await rawClient(port, upgradeRequest(path, more) + early);
  t.after(() => client.socket.destroy());
  return client;
}

/** Whoever has not posted to /login gets a 401. */
export function requireLogin(app: Express): void {
  app.use(session({ secret: 's', resave: false, saveUninitialized: false }));
  app.post('/login', (req, res) => {
    Object.assign(req.session, { user: 'ann' });
    res.send('ok');
  });
  app.use((req, res, next) => {
    if ('user' in req.session) next();
    else res.status(401).send('log in first');
  });
}

/** @returns the cookie of the session */
export async function logIn(url: string): Promise<string> {
  const { headers } = await fetch(`${url}/login`, { method: 'POST' });
  return headers.get('set-cookie')?.split(';')[0] ?? '';
}
