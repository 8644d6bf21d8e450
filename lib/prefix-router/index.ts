import type { Request, RequestHandler } from 'express';
import { contextOf } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { failWith } from '../core/fail-with.ts';
import { parseHost } from '../core/http/host.ts';
import { splitTarget } from '../core/http/path.ts';
import { middleware, type Lead, type LeadQuestion } from '../core/middleware.ts';
import type { ForwarderOptions } from '../core/upstream/forward.ts';
import { findRoute } from './find-route.ts';
import { mountHandler } from './mount.ts';
import type { HostRoutes, RouteTable } from './route-table.ts';
import type { RouteValue } from './route-value.ts';
import { readRoutes, type Route } from './routes.ts';

export type { RouteOptions, RouteValue } from './route-value.ts';

/**
 * What leads where. A key is a path prefix (`'/blog'`), or a host and a prefix (`'shop.example.com/'`,
 * `'shop.example.com:8443/cart'`, `'*.example.com/x'`). Prefixes are matched by whole segments and
 * case-sensitively, hosts without regard to case; `'/blog/'` is the same as `'/blog'`.
 */
export type Routes = Readonly<Record<string, RouteValue>>;

export interface PrefixRouter extends RequestHandler {
  /** Lets requests in flight finish and closes the pools this router made; a shared `upstream()` stays open. */
  close(): Promise<void>;
}

/**
 * Forwarder: sends each request to the target with the longest prefix of its path, and calls `next()`
 * when no prefix matches. The cost per request does not depend on the number of routes.
 *
 * A route for the request's host (as `req.host` of Express has it, so `X-Forwarded-Host` counts only
 * from a trusted proxy) comes before one for `*.` all hosts below a name, and that before one for any
 * host; where a host has no matching prefix the next one is asked.
 *
 * The prefix is taken off and the target's path put in front, as in `balancedProxy()`. A handler as a
 * value sees `req.url` and `req.baseUrl` as under `app.use(prefix, handler)`; an Express app as a value
 * keeps its own settings. Options of a route replace the same options of `shared`, each as a whole; an
 * `upstream()` as a value keeps its own pool options.
 *
 * A path that servers may read differently (`/%62log`, `//blog`, `/x/../blog`, `/blog%2Fx`, `/blog;v=1`)
 * passes, byte for byte, if all readings lead to the same route, and is refused otherwise.
 *
 * @example app.use(prefixRouter({ '/blog': 'http://127.0.0.1:4000', '/image': ['http://10.0.0.1', 'http://10.0.0.2'] }));
 * @throws {OptionsError} at once, when routes or options are not what they should be
 *
 * Requests fail with `ERR_SEKISHO_BAD_PATH` (400) when their path is ambiguous, and with
 * `ERR_SEKISHO_BAD_HOST` (400) when there are routes for hosts and the Host is malformed or sent twice.
 */
export function prefixRouter(routes: Routes, shared: ForwarderOptions = {}): PrefixRouter {
  const { table, list } = readRoutes('prefixRouter', routes, shared);

  const router = middleware(
    'forwarder',
    function prefixRouter(req, res, next) {
      // `*`, an authority or an absolute form: no path of ours.
      if (!req.url.startsWith('/')) {
        next();
        return;
      }
      const route = routeOf(table, req);
      if (route === undefined) {
        next();
        return;
      }
      if (route instanceof ProxyError) {
        failWith(route, req, next);
        return;
      }
      contextOf(req).transaction.route = route.name;
      const { prefix } = route.key;
      if (route.forwarder === undefined) mountHandler(route.handler, prefix, req, res, next);
      else route.forwarder.forward(req, res, next, prefix);
    } satisfies RequestHandler,
    list.map(({ name, handler }) => ({ key: name, kind: handler ? 'handler' : 'target' })),
    {
      ways: list.flatMap(({ key, options, forwarder }) =>
        forwarder === undefined ? [] : [{ prefix: key.prefix, host: key.host, options }],
      ),
      handlers: list.flatMap(({ key, handler }) =>
        handler === undefined ? [] : [{ prefix: key.prefix, handler }],
      ),
      lead: (question) => leadOf(table, question),
    },
  );

  return Object.assign(router, {
    async close(): Promise<void> {
      await Promise.all(
        list.flatMap(({ forwarder }) => (forwarder === undefined ? [] : [forwarder.close()])),
      );
    },
  });
}

/** Where a request would go, as far as no handler of the user's decides. */
function leadOf(table: RouteTable<Route>, question: LeadQuestion): Lead | undefined {
  const reading = question.host === undefined ? undefined : parseHost(question.host);
  const hosts = table.hostRoutes(reading?.hostname, reading?.port ?? noPort);
  const route = findRoute(table, splitTarget(question.path).path, hosts);
  if (route === undefined) return undefined;
  if (route === 'ambiguous') throw new ProxyError('ERR_SEKISHO_BAD_PATH');
  const { name, key, forwarder } = route;
  return {
    route: name,
    urls: forwarder?.lead(question, key.prefix) ?? [`(handler of '${name}')`],
  };
}

const noPort = 0;

function routeOf(table: RouteTable<Route>, req: Request): Route | ProxyError | undefined {
  const hosts = hostRoutes(table, req);
  if (hosts === undefined) return new ProxyError('ERR_SEKISHO_BAD_HOST');
  const { path } = splitTarget(req.url);
  const route = findRoute(table, path, hosts);
  return route === 'ambiguous'
    ? new ProxyError('ERR_SEKISHO_BAD_PATH', { detail: `${path} may be read as another path` })
    : route;
}

/** The routes of the request's host; undefined when they cannot be told. */
function hostRoutes(table: RouteTable<Route>, req: Request): HostRoutes<Route> | undefined {
  if (!table.knowsHosts) return table.hostRoutes(undefined, noPort);
  const host = req.host as string | undefined;
  if (host === undefined) return table.hostRoutes(undefined, noPort);
  const reading = parseHost(host);
  if (reading === undefined || hasTwoHosts(req.rawHeaders)) return undefined;
  return table.hostRoutes(reading.hostname, reading.port ?? (req.secure ? 443 : 80));
}

/** Node keeps the first of two Host fields, another server may go by the second (RFC 9112 §3.2). */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1;
}
