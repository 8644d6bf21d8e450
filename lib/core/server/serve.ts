import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { clock } from '../clock.ts';
import { OptionsError } from '../errors.ts';
import {
  count,
  duration,
  oneOf,
  parseOptions,
  quote,
  schemaOf,
  type Duration,
} from '../options.ts';
import { attach } from './attach.ts';
import { Connections } from './connections.ts';
import { drain, farewellTime } from './drain.ts';
import { expressClasses } from './express-classes.ts';

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
}

export interface ServeOptions {
  /** TCP port; 0 for any free one. @default 0 */
  readonly port?: number;
  /** Address or name to listen on. @default all addresses, IPv6 and IPv4 */
  readonly host?: string;
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
  /**
   * Refuses new connections, lets requests in flight finish within the grace period, then closes
   * WebSockets with 1001. Resolves when no connection is left; calling again gives the same promise.
   */
  readonly close: () => Promise<void>;
}

const optionsSchema = schemaOf<ServeOptions>()({
  port: count(0, 65535).default(0),
  host: z.string().min(1).optional(),
  gracePeriod: duration().default(10_000),
  signals: z.array(oneOf(['SIGTERM', 'SIGINT', 'SIGHUP'])).default([]),
  timeouts: schemaOf<ServeTimeouts>()({
    headers: duration().default(60_000),
    request: duration().default(3_600_000),
    keepAlive: duration().default(75_000),
  }).prefault({}),
});

/** The servers of this process that a signal is closing: the last of them ends the process. */
const draining = new Set<Server>();

/**
 * Starts a server for an app: attached, tuned for proxying, and able to end without breaking anything.
 *
 * Requests without a body are born ended (Node's `optimizeEmptyRequests`, 24.8 and later): they emit
 * no `end` event; `for await`, `pipe` and body parsers work.
 *
 * @example
 * const { url, close } = await serve(app, { port: 3000, signals: ['SIGTERM', 'SIGINT'] });
 * @throws {OptionsError} (as a rejection) when the options are not what they should be
 * @throws {Error} (as a rejection) with the system's `code` when the address can't be listened on
 */
export async function serve(app: RequestListener, options: ServeOptions = {}): Promise<Serving> {
  const { port, host, gracePeriod, signals, timeouts } = parseOptions(
    'serve',
    optionsSchema,
    options,
  );
  if (typeof (app as unknown) !== 'function')
    throw new OptionsError('serve', [`app: ${quote(app)} is no app; pass what express() returns`]);

  const server = createServer(
    {
      ...expressClasses(app),
      // Node throws when the head may take longer than the whole.
      headersTimeout: Math.min(timeouts.headers, timeouts.request || Infinity),
      requestTimeout: timeouts.request,
      keepAliveTimeout: timeouts.keepAlive,
      optimizeEmptyRequests: true,
    } as ServerOptions,
    app,
  );
  attach(server, app);
  const connections = new Connections(server);
  await listen(server, port, host);

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    // Left to themselves, signals end the process: from the second one on they may.
    for (const signal of signals) process.removeListener(signal, closeAndExit);
    return (closing ??= drain(server, connections, gracePeriod));
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

  return { server, url: urlOf(server, host), close };
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException): void => {
      const where = `${host ?? 'all addresses'}, port ${port}`;
      const message = `serve: cannot listen on ${where}: ${remedyFor(error)}`;
      reject(Object.assign(new Error(message, { cause: error }), { code: error.code }));
    };
    server.once('error', refused);
    server.listen({ port, host }, () => {
      server.removeListener('error', refused);
      resolve();
    });
  });
}

function remedyFor({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'another process listens there; end it or choose another port';
    case 'EACCES':
      return 'not permitted; choose a port from 1024 on, or give the process the right to lower ones';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'that is no address of this machine; leave host out to listen on all';
    default:
      return message;
  }
}

function urlOf(server: Server, host: string | undefined): string {
  const { port } = server.address() as AddressInfo;
  const name = host === undefined || host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
