import type { Request } from 'express';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import { gatedHeaders, lendHeaders } from './gate-fields.ts';
import { hpmFailure } from './hpm-failure.ts';
import type { Pool } from './pool.ts';
import type { Server } from './server.ts';

/** Where http-proxy-middleware is to send a request. */
export interface HpmTarget {
  readonly protocol: string;
  readonly hostname: string;
  readonly host: string;
  readonly port: string;
  readonly pathname: string;
  toString(): string;
  readonly socketPath?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * A plugin for http-proxy-middleware 4 that carries the options it needs as properties: spread it into
 * the options, or, where a `target` is given anyway, name it under `plugins`.
 */
export interface HpmPlugin {
  (proxyServer: object, options: object): void;
  readonly router: (req: IncomingMessage, res: ServerResponse | undefined) => Promise<HpmTarget>;
  readonly plugins: HpmPlugin[];
  /** Only when the pool does not verify certificates. */
  readonly secure?: false;
}

/** The part of httpxy's proxy server that is used here. */
interface ProxyServer {
  on(
    event: 'proxyReq',
    listener: (proxyReq: ClientRequest, req: IncomingMessage, res: ServerResponse) => void,
  ): unknown;
  on(
    event: 'proxyReqWs',
    listener: (proxyReq: ClientRequest, req: IncomingMessage) => void,
  ): unknown;
  on(
    event: 'proxyRes',
    listener: (proxyRes: IncomingMessage, req: IncomingMessage, res: ServerResponse) => void,
  ): unknown;
  on(event: 'error', listener: (error: Error, req?: IncomingMessage) => void): unknown;
  web: Forward<ServerResponse>;
  ws: Forward<Duplex>;
}

type Forward<Answer> = (
  req: IncomingMessage,
  answer: Answer,
  options: object,
  head?: Buffer,
) => Promise<void>;

/** One request on its way through http-proxy-middleware. */
interface Claim {
  readonly server: Server;
  readonly started: number;
  proxyReq: ClientRequest | undefined;
  reported: boolean;
}

export function hpmPlugin(pool: Pool): HpmPlugin {
  const claims = new WeakMap<IncomingMessage, Claim>();

  async function router(req: IncomingMessage, res: ServerResponse | undefined): Promise<HpmTarget> {
    const asked = pool.acquire(req as Request, [], res ?? req.socket);
    const server = asked instanceof Promise ? await asked : asked;
    claims.set(req, {
      server,
      started: clock.monotonic(),
      proxyReq: undefined,
      reported: false,
    });
    // Whatever becomes of it, an answer closes; an upgraded connection is in use until it does.
    const answer = res ?? req.socket;
    if (answer.destroyed) pool.release(server);
    else answer.once('close', () => pool.release(server));
    return targetOf(server, pool);
  }

  function answered(req: IncomingMessage, status: number): Claim | undefined {
    const claim = claims.get(req);
    if (claim === undefined || claim.reported) return claim;
    claim.reported = true;
    const milliseconds = clock.monotonic() - claim.started;
    pool.report(claim.server, { kind: 'answer', status, milliseconds });
    return claim;
  }

  function observe(proxyServer: ProxyServer, options: { proxyTimeout?: number }): void {
    proxyServer.on('proxyReq', function noteConnection(proxyReq, req) {
      const claim = claims.get(req);
      if (claim !== undefined) claim.proxyReq = proxyReq;
    });
    proxyServer.on('proxyReqWs', function noteUpgrade(proxyReq, req) {
      proxyReq.once('upgrade', () => answered(req, 101));
      proxyReq.once('response', (refusal) => answered(req, refusal.statusCode ?? 0));
    });
    proxyServer.on('proxyRes', function noteAnswer(proxyRes, req) {
      const claim = answered(req, proxyRes.statusCode ?? 0);
      if (claim === undefined) return;
      const cookie = pool.stickyCookie(req as Request, claim.server);
      // Onto the server's own cookies: a field set on the answer would be overwritten by theirs.
      if (cookie !== undefined)
        proxyRes.headers['set-cookie'] = [...(proxyRes.headers['set-cookie'] ?? []), cookie];
    });
    proxyServer.on('error', function noteFailure(error, req) {
      const claim = req === undefined ? undefined : claims.get(req);
      if (claim === undefined || claim.reported) return;
      claim.reported = true;
      const waited = clock.monotonic() - claim.started;
      const timedOut = options.proxyTimeout !== undefined && waited >= options.proxyTimeout;
      pool.report(claim.server, {
        kind: 'failure',
        error: hpmFailure(error, claim.server, timedOut),
        reused: claim.proxyReq?.reusedSocket === true,
      });
    });
  }

  /**
   * httpxy copies `req.headers` before its first event comes, and on redirects once more: so it is lent what may go on. A
   * redirect may lead anywhere, where nobody is told who the user is.
   */
  function guard<Answer>(forward: Forward<Answer>): Forward<Answer> {
    return function forwardGuarded(this: unknown, req, answer, options, head) {
      const { stripped, identified } = gatedHeaders(req);
      const giveBack = lendHeaders(req, identified);
      try {
        return forward.call(this, req, answer, options, head);
      } finally {
        giveBack();
        if ('followRedirects' in options && options.followRedirects) lendHeaders(req, stripped);
      }
    };
  }

  /** Without our router in the options the target given there stands: choose in front of httpxy instead. */
  function chooseBefore(proxyServer: ProxyServer): void {
    const { web, ws } = proxyServer;
    proxyServer.web = async (req, res, options, head) => {
      const target = await router(req, res).catch((error: unknown) => refuse(res, error));
      if (target !== undefined) await web.call(proxyServer, req, res, { ...options, target }, head);
    };
    proxyServer.ws = async (req, socket, options, head) => {
      const target = await router(req, undefined).catch(() => undefined);
      if (target !== undefined)
        await ws.call(proxyServer, req, socket, { ...options, target }, head);
    };
  }

  function sekisho(
    proxyServer: object,
    options: { router?: unknown; proxyTimeout?: number },
  ): void {
    const server = proxyServer as ProxyServer;
    server.web = guard(server.web);
    server.ws = guard(server.ws);
    observe(server, options);
    if (options.router !== plugin.router) chooseBefore(server);
  }

  const plugin: HpmPlugin = Object.assign(sekisho, {
    plugins: [] as HpmPlugin[],
    async router(req: IncomingMessage, res: ServerResponse | undefined): Promise<HpmTarget> {
      try {
        return await router(req, res);
      } catch (error) {
        // http-proxy-middleware would close the connection without a word.
        if (res === undefined) refuseUpgrade(req.socket, error);
        throw error;
      }
    },
    ...(pool.options.tls?.rejectUnauthorized === false ? { secure: false as const } : {}),
  });
  plugin.plugins.push(plugin);
  return plugin;
}

function refuse(res: ServerResponse, error: unknown): undefined {
  const { status, message, headers } = asProxyError(error);
  if (res.headersSent || res.destroyed) return;
  res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
  res.end(`${message}\n`);
}

function refuseUpgrade(socket: Duplex, error: unknown): void {
  const { status, message, headers } = asProxyError(error);
  const fields = Object.entries({ Connection: 'close', 'Content-Length': '0', ...headers });
  socket.end(
    `HTTP/1.1 ${status} ${message}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
}

function asProxyError(error: unknown): ProxyError {
  return error instanceof ProxyError
    ? error
    : new ProxyError('ERR_SEKISHO_TARGET', { cause: error });
}

function targetOf({ url, host }: Server, pool: Pool): HpmTarget {
  const { protocol, port, pathname } = url;
  if (protocol === 'unix:')
    return {
      protocol: 'http:',
      hostname: 'localhost',
      host: 'localhost',
      port: '80',
      pathname: '/',
      toString: () => 'http://localhost/',
      socketPath: pathname,
    };
  const { ca, cert, key } = pool.options.tls ?? {};
  return {
    protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    // Becomes the Host field where changeOrigin is set, and by that the name TLS asks for.
    host,
    port,
    pathname,
    // httpxy resolves the redirects it follows against it.
    toString: () => `${protocol}//${host}${pathname}`,
    ...(ca === undefined ? {} : { ca: [ca].flat().map(String).join('\n') }),
    ...(cert === undefined ? {} : { cert: String(cert) }),
    ...(key === undefined ? {} : { key: String(key) }),
  };
}
