import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { contextOf, type Context, type Destination, type ServesClient } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { middleware } from '../core/middleware.ts';
import { duration, parseOptions, schemaOf } from '../core/options.ts';
import { ownPorts } from '../core/own-ports.ts';
import { announceProxy, trialOf } from '../core/proxy-trial.ts';
import { DestinationPolicy } from '../core/upstream/destination/destination-policy.ts';
import type { DestinationQuestion, Verdict } from '../core/upstream/destination/verdict.ts';
import type { TimeoutOptions } from '../core/upstream/pool-options.ts';
import { refuse } from '../core/upstream/refusal.ts';
import { warn } from '../core/warn.ts';
import { admit } from './admission.ts';
import { clientsField, type ClientPredicate, type ClientsOption } from './clients.ts';
import { destinationFields, type DestinationOptions } from './destination-options.ts';
import { parentField } from './parent.ts';
import { addressesOf, requestForwarder } from './request-forwarder.ts';
import { someAddress, strangerTest } from './stranger.ts';
import { TunnelCount } from './tunnel-count.ts';
import { tunnelSchema, type TunnelOptions } from './tunnel-options.ts';
import { Tunnelling, type TunnelPlan } from './tunnelling.ts';

export {
  checkDestination,
  type CheckDestinationOptions,
  type DestinationCheck,
} from './check-destination.ts';
export { proxyPac, type ProxyPacOptions } from './proxy-pac.ts';
export type { ClientPredicate, ClientsOption, DestinationOptions, TunnelOptions };

export interface ForwardProxyOptions extends DestinationOptions {
  /**
   * Who may use the proxy, by the address of the connection: addresses and blocks, or a function. Who is not among them is
   * refused, even with credentials. Who is, and is not on a public address, needs no gate.
   * @default everybody who is not on a public address
   */
  readonly clients?: ClientsOption;
  /**
   * A proxy through which everything goes: `'http://user:password@proxy.example:3128'`. Names are resolved there, so here
   * they are judged as names only.
   * @default none
   */
  readonly upstreamProxy?: string | URL;
  /** Of requests in absolute-form; `connect` of tunnels, too. */
  readonly timeouts?: TimeoutOptions;
  readonly tunnel?: TunnelOptions;
}

/** A forward proxy, to be mounted. */
export interface ForwardProxy extends RequestHandler {
  /** Tunnels that are open. */
  readonly tunnels: number;
  /** Lets requests in flight finish and closes kept connections; tunnels end with their server's `close()`. */
  close(): Promise<void>;
}

const optionsSchema = schemaOf<ForwardProxyOptions>()({
  ...destinationFields,
  clients: clientsField(),
  upstreamProxy: parentField(),
  timeouts: schemaOf<TimeoutOptions>()({
    connect: duration().default(10_000),
    headers: duration().default(60_000),
    idle: duration().default(60_000),
    total: duration().optional(),
  }).prefault({}),
  tunnel: tunnelSchema.prefault({}),
});

/**
 * Forwarder: takes the app's clients out to the web as their HTTP proxy, by requests in absolute-form
 * (`GET http://example.com/`) and by tunnels (`CONNECT example.com:443`). All other requests go on to the next handler. The
 * server has to be one of `serve()` or `attach()`.
 *
 * Never an open proxy: without a gate before it (`authGate`), `allow` or `clients` it serves this machine only, clients on
 * public addresses are refused unless `clients` names them, and inside addresses are no destinations unless
 * `allowPrivate` names them.
 *
 * @example app.use(authGate({ basic: { file: '/etc/htpasswd' } }), forwardProxy());
 * @throws {OptionsError} at once, when the options are not what they should be
 */
export function forwardProxy(options: ForwardProxyOptions = {}): ForwardProxy {
  const parsed = parseOptions('forwardProxy', optionsSchema, options);
  const { upstreamProxy: parent, timeouts, tunnel, clients, ports } = parsed;
  const lookup = parsed.lookup ?? (parent && (() => Promise.resolve([someAddress])));
  const policy = new DestinationPolicy({ ...parsed, lookup });
  const { pseudonym } = policy;
  const rules = { clients, listed: parsed.allow !== undefined };
  const count = new TunnelCount(tunnel);
  const forwarder = requestForwarder({
    judge: (req) => policy.judge(questionOf(req)),
    timeouts,
    pseudonym,
    parent,
  });
  const plan: TunnelPlan = {
    options: tunnel,
    connectTimeout: timeouts.connect,
    count,
    parent,
    pseudonym,
    plainPorts: new Set(ports.filter((port) => port !== 443)),
  };
  const stranger = strangerTest(parsed, rules);
  announceProxy();

  function openTunnel(req: Request, res: Response, next: NextFunction, context: Context): void {
    const start = (verdict: Verdict): void => {
      res.off('close', left);
      if (res.destroyed) return;
      new Tunnelling(plan, req, res, next, context).start(addressesOf(verdict));
    };
    const fail = (error: unknown): void => {
      res.off('close', left);
      refuse(error, req, res, next, context);
    };
    // While DNS is thinking.
    const left = (): void => {
      const { transaction } = context;
      transaction.status = 499;
      transaction.error = 'ERR_SEKISHO_CLIENT_ABORTED';
      transaction.end('client-aborted');
    };
    res.once('close', left);
    try {
      const verdict = policy.judge(questionOf(req));
      if (verdict instanceof Promise) verdict.then(start).catch(fail);
      else start(verdict);
    } catch (error) {
      fail(error);
    }
  }

  const serves: ServesClient = (req) => {
    const context = contextOf(req);
    const { host } = req.headersDistinct;
    try {
      admit(req.socket, req as Request, context, rules);
      return policy.objection({ ...questionOf(req as Request), hostHeader: host }) === undefined;
    } catch {
      return false;
    }
  };

  const handler = middleware<RequestHandler>(
    'forwarder',
    function forwardProxy(req, res, next) {
      const context = contextOf(req);
      const { destination, transaction } = context;
      if (destination === undefined) {
        next(isForProxy(req) ? notAttached() : undefined);
        return;
      }
      const trial = trialOf(destination.hostname);
      if (trial !== undefined) {
        void stranger(trial, req, context).then((error) => {
          refuse(error, req, res, next, context);
        });
        return;
      }
      for (const tell of context.onProxyTakes ?? []) tell(serves);
      try {
        admit(req.socket, req, context, rules);
      } catch (error) {
        refuse(error, req, res, next, context);
        return;
      }
      transaction.inspection ??= destination.form === 'http' ? 'content' : 'metadata';
      if (destination.form === 'http') {
        context.claim();
        forwarder(req, res, next);
      } else openTunnel(req, res, next, context);
    },
    options,
  );
  return Object.defineProperties(handler, {
    tunnels: { get: () => count.total },
    close: { value: () => forwarder.close() },
  }) as ForwardProxy;
}

function questionOf(req: Request): DestinationQuestion {
  const { form, hostname, port } = contextOf(req).destination as Destination;
  const { host, via } = req.headers;
  // Two Host fields are refused with the framing of a request; a CONNECT is read by nobody else.
  const hostHeader = form === 'http' ? host : req.headersDistinct.host;
  return { form, hostname, port, hostHeader, via, ownPorts: ownPorts() };
}

/** In absolute-form, and the door has not noted it: there is no door. */
function isForProxy({ originalUrl }: Request): boolean {
  return !originalUrl.startsWith('/') && originalUrl !== '*';
}

function notAttached(): ProxyError {
  const detail = 'the server was started neither by serve() nor attach()';
  warn(
    'SEKISHO_NOT_ATTACHED',
    `forwardProxy refuses requests: ${detail}, so it cannot tell its clients' requests from local ones; use serve(app, …), or attach(app.listen(…))`,
  );
  return new ProxyError('ERR_SEKISHO_NOT_A_PROXY', { detail });
}
