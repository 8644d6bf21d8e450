import type { Request } from 'express';
import { contextOf } from '../context.ts';

interface Routed {
  readonly baseUrl?: string;
}

interface Route {
  readonly path: unknown;
}

/**
 * Notes where the routes are mounted that Express finds for a request: when a handler fails, the routers take their mount
 * paths back before anybody answers.
 */
export function watchRoute(req: Request): void {
  const { route } = req as { route?: Route };
  if (route !== undefined) contextOf(req).matched = { route, mount: mountOf(req) };
  Object.defineProperty(req, 'route', matchedRoute);
}

const matchedRoute: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: Request): Route | undefined {
    return contextOf(this).matched?.route;
  },
  set(this: Request, route: Route | undefined) {
    contextOf(this).matched = route && { route, mount: mountOf(this) };
  },
};

/** What Express has matched: mount path and pattern of the route, `/shop/:id`; undefined at the root. */
export function routeOf(req: Request): string | undefined {
  const { matched } = contextOf(req);
  const mount = mountOf(req);
  // A route that has called next() in a router that somebody mounted elsewhere has taken over from.
  if (matched?.mount.startsWith(mount) !== true) return mount === '' ? undefined : mount;
  return matched.mount + String(matched.route.path);
}

function mountOf({ baseUrl = '' }: Routed): string {
  return baseUrl;
}
