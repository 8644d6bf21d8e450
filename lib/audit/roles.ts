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
  jsonParser: 'body-parser',
  logger: 'log', // morgan
  metricsPage: 'page', // metrics().page
  multerMiddleware: 'body-parser',
  rawParser: 'body-parser',
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

/** What is mounted under no name, or one that says nothing: known by its source. */
const unnamed: readonly { readonly name: string; readonly role: Role; readonly mark: RegExp }[] = [
  { name: 'http-proxy-middleware', role: 'foreign-forwarder', mark: /\bshouldProxy\(/ },
  { name: 'connect-history-api-fallback', role: 'fallback', mark: /client does not accept HTML/ },
  { name: 'pino-http', role: 'log', mark: /\bloggingMiddleware\(/ },
  { name: 'serve-index', role: 'page', mark: /\bshowUp\b/ },
  { name: 'swagger-ui-express', role: 'page', mark: /swagger-ui-init\.js/ },
];

const saysNothing: ReadonlySet<string> = new Set(['<anonymous>', 'middleware', 'result']);

export interface Recognised {
  readonly role: Role;
  readonly name: string;
  readonly info: MiddlewareInfo | undefined;
}

/** What a handler is, from its tag, its name or the functions it bears; it is not called. */
export function recognise(
  handler: object,
  known: ReadonlyMap<string, Role>,
  variable: (fn: object, name: string) => unknown,
): Recognised {
  const info = middlewareInfo(handler);
  const name = nameOf(handler);
  const told = known.get(name);
  if (told !== undefined) return { role: told, name, info };
  if (info !== undefined) return { role: ours[info.name] ?? roleOf(info), name: info.name, info };
  if (ownValue(handler, 'length') === 4) return { role: 'error-handler', name, info };
  if (has(handler, 'resetKey')) return { role: 'limiter', name: named(name, 'rateLimit'), info };
  // apicache 1.x names its own with a word of anybody's.
  if (name === 'cache' && has(handler, 'options'))
    return { role: 'foreign-cache', name: 'apicache', info };
  if (saysNothing.has(name)) return { ...bySource(handler, name), info };
  if (!isTheirs(name, handler)) return { role: 'unknown', name, info };
  if (name === 'authenticate' && letsAllPass(variable(handler, 'name')))
    return { role: 'unknown', name, info };
  return { role: theirs[name] as Role, name, info };
}

function bySource(handler: object, name: string): Pick<Recognised, 'role' | 'name'> {
  const source = sourceOf(handler);
  return unnamed.find(({ mark }) => mark.test(source)) ?? { role: 'unknown', name };
}

/** Strategies of passport that refuse nobody: `passport.session()` is one. */
function letsAllPass(strategies: unknown): boolean {
  const names = [strategies].flat();
  return names.includes('anonymous') || names.every((name) => name === 'session');
}

function sourceOf(handler: object): string {
  return Function.prototype.toString.call(handler);
}

function isTheirs(name: string, handler: object): boolean {
  if (!Object.hasOwn(theirs, name)) return false;
  const mark = Object.hasOwn(marks, name) ? marks[name] : undefined;
  return mark === undefined || sourceOf(handler).includes(mark);
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
