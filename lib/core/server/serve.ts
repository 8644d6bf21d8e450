import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { z } from 'zod';
import { clock } from '../clock.ts';
import { OptionsError } from '../errors.ts';
import {
  count,
  duration,
  oneOf,
  parseOptions,
  quote,
  refuse,
  schemaOf,
  type Duration,
} from '../options.ts';
import { attach, selfTestOf } from './attach.ts';
import { noteAttachment } from './attachments.ts';
import { identifyClients } from './client-certificate.ts';
import { Connections } from './connections.ts';
import { auditInDevelopment } from './development.ts';
import { drain, farewellTime } from './drain.ts';
import { expressClasses } from './express-classes.ts';
import { checkingInterval } from './inside-server.ts';
import { listen, portOf, urlOf } from './listening.ts';
import { createRedirectServer } from './redirect-door.ts';
import {
  flag,
  redirectFromField,
  tlsSchema,
  type RedirectFromOptions,
  type ServeTlsOptions,
} from './tls-options.ts';
import { createTlsServer, type TlsServer } from './tls-server.ts';
import type { Chain } from './upgrade-door.ts';

export interface ServeTimeouts {
  /** From the first byte of a request to the end of its head. @default '60s' */
  readonly headers?: Duration;
  /**
   * For a whole request with its body. Longer than Node's five minutes, which cut large uploads on
   * slow lines; 0 for never. @default '1h'
   */
  readonly request?: Duration;
  /**
   * How long an idle connection is kept. It should be longer than that of a load balancer in front,
   * which otherwise sends requests into connections just closed (AWS ALB and nginx: 60 s; Google
   * Cloud: 600 s). @default '75s'
   */
  readonly keepAlive?: Duration;
  /** For the TLS handshake of a connection. @default '10s' */
  readonly handshake?: Duration;
}

export interface ServeOptions {
  /** TCP port; 0 for any free one. @default 0 */
  readonly port?: number;
  /** Address or name to listen on. @default all addresses, IPv6 and IPv4 */
  readonly host?: string;
  /** Certificates: the server speaks https instead of http. @default none: plain HTTP */
  readonly tls?: ServeTlsOptions | undefined;
  /** Whether HTTP/2 is offered to clients over TLS (by ALPN), beside HTTP/1.1 on the same port. @default true with `tls` */
  readonly http2?: boolean | undefined;
  /**
   * Port of a plain HTTP listener that redirects everybody to https (308) and lets nothing but ACME
   * challenges (`/.well-known/acme-challenge/…`) through to the app; closed with the rest. Needs `tls`.
   * @default none
   */
  readonly redirectFrom?: number | RedirectFromOptions | undefined;
  /** How long `close()` lets requests in flight go on, and leaves WebSockets open. @default '10s' */
  readonly gracePeriod?: Duration;
  /**
   * Signals at which the server closes itself. Then the process ends with status 0; if you listen to
   * the signal, too, it ends when nothing keeps it alive, at the latest a second after the grace
   * period. A second signal ends it at once. @default none: the process's signals are yours
   */
  readonly signals?: readonly ('SIGTERM' | 'SIGINT' | 'SIGHUP')[];
  readonly timeouts?: ServeTimeouts;
}

/** A server that listens. */
export interface Serving {
  readonly server: Server;
  /** Where it is reached, without a slash at the end: `http://localhost:3000`. */
  readonly url: string;
  /** Where the listener of `redirectFrom` is reached. */
  readonly redirectUrl?: string;
  /**
   * Refuses new connections, lets requests in flight finish within the grace period, then closes
   * WebSockets with 1001. Resolves when no connection is left; calling again gives the same promise.
   */
  readonly close: () => Promise<void>;
}

const optionsSchema = schemaOf<ServeOptions>()({
  port: count(0, 65535).default(0),
  host: z.string().min(1).optional(),
  tls: tlsSchema.optional(),
  http2: flag().optional(),
  redirectFrom: redirectFromField(),
  gracePeriod: duration().default(10_000),
  signals: z.array(oneOf(['SIGTERM', 'SIGINT', 'SIGHUP'])).default([]),
  timeouts: schemaOf<ServeTimeouts>()({
    headers: duration().default(60_000),
    request: duration().default(3_600_000),
    keepAlive: duration().default(75_000),
    handshake: duration().default(10_000),
  }).prefault({}),
}).superRefine(({ tls, http2, redirectFrom }, context) => {
  if (tls !== undefined) return;
  if (http2 === true)
    refuse(context, http2, "of 'http2' needs tls: browsers speak it over TLS only");
  if (redirectFrom !== undefined)
    refuse(
      context,
      redirectFrom.port,
      "of 'redirectFrom' needs tls: there is no https to redirect to",
    );
});

/** The servers of this process that a signal is closing: the last of them ends the process. */
const draining = new Set<Server>();

type ParsedServe = z.output<typeof optionsSchema>;

/**
 * Starts a server for an app: attached, tuned for proxying, and able to end without breaking anything.
 * With `tls` it ends TLS: HTTP/2 and HTTP/1.1 in front, the app sees both as Express requests.
 *
 * Over HTTP/1.1 a client that takes no byte of its answer for a minute or two is cut off.
 *
 * Requests without a body are born ended (Node's `optimizeEmptyRequests`, 24.8 and later): they emit
 * no `end` event; `for await`, `pipe` and body parsers work.
 *
 * @example
 * const { url, close } = await serve(app, { port: 3000, signals: ['SIGTERM', 'SIGINT'] });
 * @example
 * await serve(app, { port: 443, tls: { cert: '/etc/tls/cert.pem', key: '/etc/tls/key.pem' }, redirectFrom: 80 });
 * @throws {OptionsError} (as a rejection) when the self-test finds an open proxy, when the options are not what they should be, a file cannot be
 *   read, or a key does not belong to its certificate
 * @throws {Error} (as a rejection) with the system's `code` when the address can't be listened on
 */
export async function serve(app: RequestListener, options: ServeOptions = {}): Promise<Serving> {
  const parsed = parseOptions('serve', optionsSchema, options);
  if (typeof (app as unknown) !== 'function')
    throw new OptionsError('serve', [`app: ${quote(app)} is no app; pass what express() returns`]);
  const { port, host, gracePeriod, signals, redirectFrom } = parsed;

  const { server, certificates, http2 } = create(app, parsed);
  const connections = new Connections(server);
  await listen(server, port, host);
  const redirect =
    redirectFrom && createRedirectServer(app, () => redirectFrom.httpsPort ?? portOf(server));
  if (redirect !== undefined)
    try {
      await listen(redirect, redirectFrom?.port ?? 0, redirectFrom?.host ?? host);
    } catch (error) {
      server.close();
      throw error;
    }
  const redirected = redirect && new Connections(redirect);
  certificates?.start();
  const openProxy = await selfTestOf(server);
  if (openProxy !== undefined) {
    certificates?.close();
    redirect?.close();
    server.close();
    connections.destroy();
    throw new OptionsError('serve', [
      `app: would be an open proxy: ${openProxy}; mount authGate before forwardProxy, or narrow its \`clients\` or \`allow\``,
    ]);
  }

  const end = async (): Promise<void> => {
    certificates?.close();
    await Promise.all([
      drain(server, connections, gracePeriod, http2),
      redirect && redirected && drain(redirect, redirected, gracePeriod),
    ]);
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    // Left to themselves, signals end the process: from the second one on they may.
    for (const signal of signals) process.removeListener(signal, closeAndExit);
    return (closing ??= end());
  };
  const closeAndExit = (signal: NodeJS.Signals): void => {
    draining.add(server);
    clock.after(gracePeriod + farewellTime, () => process.exit(0));
    void close().then(() => {
      draining.delete(server);
      // Other servers, and what you do yourself at this signal, get the rest of the time.
      if (draining.size === 0 && process.listenerCount(signal) === 0) process.exit(0);
    });
  };
  for (const signal of signals) process.on(signal, closeAndExit);

  return {
    server,
    url: urlOf(server, parsed.tls === undefined ? 'http' : 'https', host),
    ...(redirect && { redirectUrl: urlOf(redirect, 'http', redirectFrom.host ?? host) }),
    close,
  };
}

function create(
  app: RequestListener,
  { tls, http2 = true, timeouts }: ParsedServe,
): { readonly server: Server } & Partial<TlsServer> {
  const http = {
    ...expressClasses(app),
    // Node throws when the head may take longer than the whole.
    headersTimeout: Math.min(timeouts.headers, timeouts.request || Infinity),
    requestTimeout: timeouts.request,
    keepAliveTimeout: timeouts.keepAlive,
    connectionsCheckingInterval: checkingInterval,
    optimizeEmptyRequests: true,
  } as ServerOptions;
  if (tls === undefined) {
    const server = createServer(http, app);
    return { server: attach(server, app as Chain) };
  }
  const { clientCertificates } = tls;
  const chain =
    clientCertificates === undefined
      ? (app as Chain)
      : identifyClients(app as Chain, clientCertificates);
  const made = createTlsServer(chain as RequestListener, app, {
    tls,
    http2,
    handshakeTimeout: timeouts.handshake,
    limits: { request: timeouts.request, idle: timeouts.keepAlive, first: timeouts.headers },
    http,
  });
  attach(made.server, chain);
  noteAttachment(app, made.server);
  auditInDevelopment(app);
  return made;
}
