import type { Forwards } from '../core/middleware.ts';
import { ClosureReader } from './closure.ts';
import type { Link } from './link.ts';
import { ownValue } from './roles.ts';

/** By middleware; undefined where there are none to be seen. They do not change, and to find them takes V8 a while. */
const found: WeakMap<object, object | undefined> = new WeakMap();

/** What http-proxy-middleware 4 was told; undefined for others, whose settings are not to be seen. */
export function settingsOf({ name, handler }: Link): object | undefined {
  if (name !== 'http-proxy-middleware') return undefined;
  if (!found.has(handler)) findAll(handler);
  return found.get(handler);
}

/** Where http-proxy-middleware 4 sends what; undefined where only a function of its user knows. */
export function forwardsOf(link: Link): Forwards | undefined {
  const settings = settingsOf(link);
  if (settings === undefined) return undefined;
  const filters = filtersOf(ownValue(settings, 'pathFilter'));
  if (filters === undefined) return undefined;
  const isPlain = !filters.some((filter) => glob.test(filter));
  const prefixes = filters.map(fixedPart);
  return {
    ways: prefixes.map((prefix) => ({ prefix: prefix.replace(/\/$/, ''), options: {} })),
    lead: ({ path }) =>
      prefixes.some((prefix) => path.startsWith(prefix))
        ? { route: '', urls: isPlain ? urlsOf(settings, path) : [] }
        : undefined,
  };
}

/** Without those that take paths out again. */
function filtersOf(filter: unknown): readonly string[] | undefined {
  const filters: readonly unknown[] = Array.isArray(filter) ? filter : [filter ?? '/'];
  if (!filters.every((one) => typeof one === 'string')) return undefined;
  const taking = filters.filter((one) => !one.startsWith('!'));
  return taking.length === 0 ? ['/'] : taking;
}

const glob = /[*?!()[\]{}]/;

/** What all paths begin with that a filter may take. */
function fixedPart(filter: string): string {
  const at = filter.search(glob);
  return at === -1 ? filter : filter.slice(0, filter.lastIndexOf('/', at) + 1);
}

function urlsOf(settings: object, path: string): readonly string[] {
  const decided = ['router', 'pathRewrite'].some((name) => ownValue(settings, name) !== undefined);
  const target = ownValue(settings, 'target');
  if (decided || typeof target !== 'string' || !URL.canParse(target)) return [];
  const { origin, pathname } = new URL(target);
  return [origin + pathname.replace(/\/$/, '') + path];
}

function findAll(handler: object): void {
  const reader = new ClosureReader();
  try {
    for (const one of reader.instancesBeside(handler, 'HttpProxyMiddleware')) {
      const middleware = ownValue(one, 'middleware');
      const settings = ownValue(one, 'proxyOptions');
      if (isObject(middleware) && isObject(settings)) found.set(middleware, settings);
    }
    if (!found.has(handler)) found.set(handler, undefined);
  } finally {
    reader.close();
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'function' || (typeof value === 'object' && value !== null);
}
