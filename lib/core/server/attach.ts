import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { OptionsError } from '../errors.ts';
import { quote } from '../options.ts';
import { rememberListening } from '../own-ports.ts';
import { warn } from '../warn.ts';
import { noteAttachment } from './attachments.ts';
import { answerClientErrors } from './client-error.ts';
import { auditInDevelopment } from './development.ts';
import { deferContinue, refuseExpectations } from './expect-continue.ts';
import { recordDropped } from './dropped-request.ts';
import type { ProxyEntrance } from './proxied-request.ts';
import { openToProxied } from './proxy-door.ts';
import { testForOpenProxy } from './self-test.ts';
import { openTunnels } from './tunnel-door.ts';
import { noteAbsolute, openUpgrades, type Chain } from './upgrade-door.ts';

const attached = new WeakMap<HttpServer, Chain>();
const selfTests = new WeakMap<HttpServer, Promise<string | undefined>>();

/**
 * Sends what an http.Server does not hand to its app through the app's own chain, too:
 *
 * - **Upgrades** (WebSockets): logs, sessions, gates and limiters see them as any request, and
 *   `balancedProxy` takes them to its upstream. Who refuses answers as usual; the client gets that
 *   answer and the connection ends. What no handler wants is left to other `upgrade` listeners of
 *   the server (ws, socket.io), added before or later; without one it is answered 404. A catch-all
 *   handler at the end of the app answers upgrades as well, so it should call `next()` for the
 *   paths of such listeners. What a handler keeps for a minute without an answer is refused (501).
 * - **Requests to a forward proxy**: `GET http://other.example/` and `CONNECT other.example:443` go
 *   through the chain to `forwardProxy`, and are answered by no route of the app: where no `forwardProxy` takes
 *   them the answer is 421. In a process without one, a target in absolute-form that names this very listener (its address and
 *   port, `localhost` on the loopback, a name in its certificate) is a request to the app (RFC 9112 §3.2.2).
 * - **Expect: 100-continue**: `100 Continue` is sent when a handler reads the body or the upstream
 *   has sent it, not before the gates have seen the request.
 * - **Malformed requests** get their 400, 408, 414, 417 or 431 reliably. No handler sees them, but they are in the books of every
 *   `accessLog` and `metrics` that is mounted in the app for all paths; so is what breaks HTTP/2, and Node's own 503.
 *
 * With a `forwardProxy` in the process and a listener that others can reach, the server asks itself at its start, as a
 * stranger would, and serves no proxy clients if a stranger gets through (`SEKISHO_OPEN_PROXY`).
 *
 * Attaching a second time changes nothing.
 *
 * @example attach(app.listen(3000));
 * @param server made by `app.listen()`, `http.createServer()` or `https.createServer()`
 * @param app by default the server's request listener. Pass it when another library has put itself
 *   in the app's place there, as socket.io does.
 * @returns the same server
 * @throws {OptionsError} when there is no server or no app
 */
export function attach<Server extends HttpServer | HttpsServer>(
  server: Server,
  app?: Chain,
): Server {
  const given: unknown = server;
  if (!(given instanceof HttpServer || given instanceof HttpsServer))
    throw new OptionsError('attach', [
      `${quote(given)} is no HTTP server; pass what app.listen() or http.createServer() returns`,
    ]);
  if (app !== undefined && typeof app !== 'function')
    throw new OptionsError('attach', [
      `app: ${quote(app)} is no Express app; pass what express() returns`,
    ]);
  const before = attached.get(server);
  if (before !== undefined) {
    if (app === undefined || app === before) return server;
    throw new OptionsError('attach', [
      'app: the server is attached to another app already; attach it once, to the app that mounts the others',
    ]);
  }
  const chain = app ?? appOf(server);
  attached.set(server, chain);
  rememberListening(server);
  noteAttachment(chain, server);
  auditInDevelopment(chain);
  const entrance: ProxyEntrance = { closed: false };
  openToProxied(server, entrance);
  openUpgrades(server, chain, noteAbsolute(entrance));
  openTunnels(server, chain, entrance);
  if (server.listening) selfTest(server, entrance);
  else
    server.once('listening', () => {
      selfTest(server, entrance);
    });
  deferContinue(server);
  refuseExpectations(server);
  answerClientErrors(server);
  recordDropped(server);
  return server;
}

/** What the self-test has found, once the server listens; undefined is nothing. */
export async function selfTestOf(server: HttpServer): Promise<string | undefined> {
  return selfTests.get(server);
}

function selfTest(server: HttpServer, entrance: ProxyEntrance): void {
  const found = testForOpenProxy(server).then((through) => {
    if (through === undefined) return undefined;
    entrance.closed = true;
    const problem = `${through} gets through without credentials`;
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? ` at port ${bound.port}` : '';
    warn(
      'SEKISHO_OPEN_PROXY',
      `the server${port} would be an open proxy: ${problem}; it serves no proxy clients. Mount authGate before forwardProxy, or narrow \`clients\` or \`allow\``,
    );
    return problem;
  });
  selfTests.set(server, found);
}

/** The app among the server's request listeners: the Express app, or else the only listener. */
function appOf(server: HttpServer): Chain {
  const listeners = server.listeners('request') as Chain[];
  const apps = listeners.filter(isExpress);
  const [app, ...others] = apps.length > 0 ? apps : listeners;
  if (app === undefined)
    throw new OptionsError('attach', [
      'app: the server has no request listener; pass the app as the second argument',
    ]);
  if (others.length > 0)
    throw new OptionsError('attach', [
      `app: the server has ${others.length + 1} request listeners; pass the app as the second argument`,
    ]);
  return app;
}

function isExpress(listener: Chain): boolean {
  const { handle, set } = listener as { handle?: unknown; set?: unknown };
  return typeof handle === 'function' && typeof set === 'function';
}
