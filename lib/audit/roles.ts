import { middlewareInfo, type MiddlewareInfo } from '../core/middleware.ts';

/** What a link of the chain does, as far as orders are concerned. */
export type Role =
  | 'gate'
  | 'url-filter'
  | 'log'
  | 'security-headers'
  | 'https-redirect'
  | 'cors'
  | 'limiter'
  | 'session'
  | 'compression'
  | 'cache'
  | 'foreign-cache'
  | 'wrapper'
  | 'forwarder'
  | 'foreign-forwarder'
  | 'forward-proxy'
  | 'body-parser'
  | 'cookie-parser'
  | 'page'
  | 'static'
  | 'fallback'
  | 'egress-guard'
  | 'error-handler'
  | 'route'
  | 'router'
  | 'app'
  | 'unknown';

export const roles: readonly Role[] = [
  'gate',
  'url-filter',
  'log',
  'security-headers',
  'https-redirect',
  'cors',
  'limiter',
  'session',
  'compression',
  'cache',
  'foreign-cache',
  'wrapper',
  'forwarder',
  'foreign-forwarder',
  'forward-proxy',
  'body-parser',
  'cookie-parser',
  'page',
  'static',
  'fallback',
  'egress-guard',
  'error-handler',
  'route',
  'router',
  'app',
  'unknown',
];

const ours: Readonly<Record<string, Role>> = {
  accessLog: 'log',
  anonymizer: 'wrapper',
  apicache: 'cache',
  authGate: 'gate',
  balancedProxy: 'forwarder',
  cache: 'cache',
  dashboard: 'page',
  egressGuard: 'egress-guard',
  errorPages: 'error-handler',
  forwardProxy: 'forward-proxy',
  httpsRedirect: 'https-redirect',
  metrics: 'log',
  prefixRouter: 'forwarder',
  securityHeaders: 'security-headers',
  urlFilter: 'url-filter',
  virusScanner: 'wrapper',
};

/** By the name of the function that the package mounts. */
const theirs: Readonly<Record<string, Role>> = {
  authMiddleware: 'gate', // express-basic-auth
  authenticate: 'gate', // passport
  compression: 'compression',
  cookieParser: 'cookie-parser',
  corsMiddleware: 'cors',
  handleProxy: 'foreign-forwarder', // express-http-proxy
  helmetMiddleware: 'security-headers',
  historyApiFallback: 'fallback',
  jsonParser: 'body-parser',
  logger: 'log', // morgan
  loggingMiddleware: 'log', // pino-http
  metricsPage: 'page', // metrics().page
  multerMiddleware: 'body-parser',
  rawParser: 'body-parser',
  serveIndex: 'page',
  serveStatic: 'static',
  session: 'session',
  swaggerInitFn: 'page',
  swaggerUiMiddleware: 'page',
  textParser: 'body-parser',
  urlencodedParser: 'body-parser',
  _cookieSession: 'session',
};

/** Names that anybody may give a function of his own: what else the source of the package's has. */
const marks: Readonly<Record<string, string>> = {
  authenticate: 'failures',
  logger: '_startAt',
  session: 'sessionStore',
};

export interface Recognised {
  readonly role: Role;
  readonly name: string;
  readonly info: MiddlewareInfo | undefined;
}

/** What a handler is, from its tag, its name or the functions it bears; it is not called. */
export function recognise(handler: object, known: ReadonlyMap<string, Role>): Recognised {
  const info = middlewareInfo(handler);
  const name = nameOf(handler);
  const told = known.get(name);
  if (told !== undefined) return { role: told, name, info };
  if (info !== undefined) return { role: ours[info.name] ?? roleOf(info), name: info.name, info };
  if (ownValue(handler, 'length') === 4) return { role: 'error-handler', name, info };
  if (has(handler, 'resetKey')) return { role: 'limiter', name: named(name, 'rateLimit'), info };
  // apicache 1.x and http-proxy-middleware 2 to 4 name theirs with words of anybody's.
  if (name === 'cache' && has(handler, 'options'))
    return { role: 'foreign-cache', name: 'apicache', info };
  if (name === 'middleware' && has(handler, 'upgrade'))
    return { role: 'foreign-forwarder', name: 'http-proxy-middleware', info };
  return { role: isTheirs(name, handler) ? (theirs[name] as Role) : 'unknown', name, info };
}

function isTheirs(name: string, handler: object): boolean {
  if (!Object.hasOwn(theirs, name)) return false;
  const mark = Object.hasOwn(marks, name) ? marks[name] : undefined;
  return mark === undefined || Function.prototype.toString.call(handler).includes(mark);
}

function roleOf({ kind }: MiddlewareInfo): Role {
  return kind === 'observer' ? 'log' : kind;
}

function named(name: string, otherwise: string): string {
  return name === '<anonymous>' ? otherwise : name;
}

export function nameOf(handler: object): string {
  const name = ownValue(handler, 'name');
  return typeof name === 'string' && name !== '' ? name.slice(0, 100) : '<anonymous>';
}

function has(handler: object, method: string): boolean {
  return typeof ownValue(handler, method) === 'function';
}

/** A property that is data: a getter would be code of the user's. */
export function ownValue(object: object, property: string): unknown {
  return Object.getOwnPropertyDescriptor(object, property)?.value;
}
