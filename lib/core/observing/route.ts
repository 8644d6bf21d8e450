import type { Request } from 'express';

/** What Express has matched: mount path and pattern of the route, `/shop/:id`; undefined at the root. */
export function routeOf(req: Request): string | undefined {
  const { route, baseUrl } = req as { route?: { path?: unknown }; baseUrl?: string };
  const mount = baseUrl ?? '';
  if (route === undefined) return mount === '' ? undefined : mount;
  return mount + String(route.path);
}
