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
 * paths back before anybody answers. An accessor on the app's own prototype of requests (`app.request`) sees it; one on
 * each request would cost more than all the rest of a record.
 */
export function watchRoute(req: Request): void {
  const { app, route } = req as { app?: { request?: object }; route?: Route };
  if (app?.request === undefined || !isWatched(app.request)) {
    note(req, route);
    Object.defineProperty(req, 'route', matchedRoute);
  } else if (Object.hasOwn(req, 'route')) {
    note(req, route);
    // What was matched before the accessor was there would hide it.
    Reflect.deleteProperty(req, 'route');
  }
}

/** Sub-apps inherit it: Express puts the prototype of the app around theirs. */
function isWatched(prototype: object): boolean {
  return (
    watchedPrototypes.has(prototype) ||
    (Reflect.defineProperty(prototype, 'route', matchedRoute) &&
      watchedPrototypes.add(prototype).has(prototype))
  );
}

const watchedPrototypes: WeakSet<object> = new WeakSet();

const matchedRoute: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: Request): Route | undefined {
    return contextOf(this).matched?.route;
  },
  set(this: Request, route: Route | undefined) {
    note(this, route);
  },
};

function isAccessor(req: Request): boolean {
  return Object.getOwnPropertyDescriptor(req, 'route')?.get !== undefined;
}

function note(req: Request, route: Route | undefined): void {
  contextOf(req).matched = route && { route, mount: mountOf(req) };
}

/** What Express has matched: mount path and pattern of the route, `/shop/:id`; undefined at the root. */
export function routeOf(req: Request): string | undefined {
  // One behind a sub-app that alone is watched is a property of the request.
  if (Object.hasOwn(req, 'route') && !isAccessor(req)) note(req, (req as { route?: Route }).route);
  const { matched } = contextOf(req);
  const mount = mountOf(req);
  // A route that has called next() in a router that somebody mounted elsewhere has taken over from.
  if (matched?.mount.startsWith(mount) !== true) return mount === '' ? undefined : mount;
  return matched.mount + String(matched.route.path);
}

/** In lower case: as routers match it in any, clients could make up routes without end. */
function mountOf({ baseUrl = '' }: Routed): string {
  return baseUrl.toLowerCase();
}
