import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { test } from 'node:test';
// @ts-expect-error -- it has no types
import untypedApicache from 'apicache';
import compression from 'compression';
import cors from 'cors';
import express, {
  Router,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import basicAuth from 'express-basic-auth';
import { rateLimit } from 'express-rate-limit';
import session from 'express-session';
import helmet from 'helmet';
import { createProxyMiddleware } from 'http-proxy-middleware';
import morgan from 'morgan';
import { audit, type AuditOptions } from '../../lib/audit/index.ts';
import { authGate } from '../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache } from '../../lib/cache/index.ts';
import { accessLog } from '../../lib/access-log/index.ts';
import { dashboard } from '../../lib/dashboard/index.ts';
import { forwardProxy } from '../../lib/forward-proxy/index.ts';
import { metrics } from '../../lib/metrics/index.ts';
import { urlFilter } from '../../lib/url-filter/index.ts';
import { anonymizer } from '../../lib/anonymizer/index.ts';
import { egressGuard } from '../../lib/egress-guard/index.ts';
import { virusScanner } from '../../lib/virus-scanner/index.ts';
import { attach } from '../../lib/core/server/attach.ts';
import { upstream } from '../../lib/core/upstream/upstream.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { httpsRedirect } from '../../lib/https-redirect/index.ts';
import { prefixRouter } from '../../lib/prefix-router/index.ts';
import { securityHeaders } from '../../lib/security-headers/index.ts';
import { listen } from '../support/servers.ts';

const server = 'http://127.0.0.1:9';
const gate = () => authGate({ basic: { users: { alice: 'secret' } } });
const theirGate = () => basicAuth({ users: { alice: 'secret' } });
const sessions = (saveUninitialized: boolean) =>
  session({ secret: 'a', resave: false, saveUninitialized });
const answer = (_req: Request, res: Response): void => void res.send('page');
const events = (_req: Request, res: Response): void => void res.type('text/event-stream');

interface ForeignApicache {
  newInstance(options: object): { middleware(duration: string): RequestHandler };
}
const foreignCache = () =>
  (untypedApicache as ForeignApicache).newInstance({}).middleware('1 minute');

/** Without types of their own. */
const require = createRequire(import.meta.url);
const serveIndex = require('serve-index') as (root: string) => RequestHandler;
const historyFallback = require('connect-history-api-fallback') as () => RequestHandler;
const cookieSession = require('cookie-session') as (options: object) => RequestHandler;
const expressHttpProxy = require('express-http-proxy') as (host: string) => RequestHandler;
const pinoHttp = require('pino-http') as (options: object) => RequestHandler;
const multer = require('multer') as () => Record<'any' | 'none', () => RequestHandler>;
const passport = require('passport') as { authenticate(strategy: string): RequestHandler };
const { createProxyMiddleware: proxyOfVersion3 } = require('http-proxy-middleware-3') as {
  createProxyMiddleware: typeof createProxyMiddleware;
};

/** One for all tests: what it was told V8 has to look for. */
const theirs = createProxyMiddleware({ target: server });
const theirProxy = () => theirs;
const shop = 'http://127.0.0.1:10';
const everybody: RequestHandler = (_req, _res, next) => {
  next();
};

const trusting = (app: Express): Express => app.set('trust proxy', 'loopback');

type Build = (app: Express) => unknown;

/** For each rule an app that breaks it and one that differs in just that. */
const cases: readonly {
  readonly rule: string;
  readonly title?: string;
  readonly bad: Build;
  readonly good: Build;
  readonly where: string;
  readonly options?: AuditOptions;
}[] = [
  {
    rule: 'cache-before-gate',
    bad: (app) => app.use(cache('1m'), gate(), balancedProxy(server)),
    good: (app) => app.use(gate(), cache('1m'), balancedProxy(server)),
    where: '#1 cache at /',
  },
  {
    rule: 'cache-before-gate',
    title: 'apicache, express-basic-auth and a path',
    bad: (app) => app.use(foreignCache()).use('/a', theirGate()).get('/a/b', answer),
    good: (app) => app.use('/b', foreignCache()).use('/a', theirGate()).get('/a/b', answer),
    where: '#1 apicache at /',
  },
  {
    rule: 'foreign-cache-behind-gate',
    bad: (app) => app.use(gate()).get('/a', foreignCache(), answer),
    good: (app) => app.use(gate()).get('/a', cache('1m'), answer),
    where: '#2 apicache at /a',
  },
  {
    rule: 'cache-outside-compression',
    bad: (app) => app.use(cache('1m'), compression(), balancedProxy(server)),
    good: (app) => app.use(compression(), cache('1m'), balancedProxy(server)),
    where: '#1 cache at /',
  },
  {
    rule: 'session-before-cache',
    bad: (app) => app.use(sessions(true), cache('1m'), balancedProxy(server)),
    good: (app) => app.use(sessions(false), cache('1m'), balancedProxy(server)),
    where: '#1 session at /',
  },
  ...[express.json(), express.urlencoded(), express.raw(), express.text()].map((parser) => ({
    rule: 'body-parser-before-forwarder',
    title: parser.name,
    bad: (app: Express) => app.use(parser).use('/a', balancedProxy(server)),
    good: (app: Express) => app.use('/a', balancedProxy(server)).use(parser),
    where: `#1 ${parser.name} at /`,
  })),
  {
    rule: 'limiter-after-gate',
    bad: (app) => app.use(gate(), rateLimit()).get('/', answer),
    good: (app) => app.use(rateLimit(), gate()).get('/', answer),
    where: '#2 rateLimit at /',
  },
  {
    rule: 'cors-after-gate',
    bad: (app) => app.use(gate(), cors()).get('/', answer),
    good: (app) => app.use(cors(), gate()).get('/', answer),
    where: '#2 corsMiddleware at /',
  },
  {
    rule: 'fallback-before-forwarder',
    bad: (app) => app.get('/{*path}', answer).use('/api', balancedProxy(server)),
    good: (app) => app.use('/api', balancedProxy(server)).get('/{*path}', answer),
    where: '#1 answer at /{*path}',
  },
  {
    rule: 'log-after-answer',
    bad: (app) => app.use('/a', balancedProxy(server)).use(morgan('tiny')),
    good: (app) => app.use(morgan('tiny')).use('/a', balancedProxy(server)),
    where: '#2 logger at /',
  },
  {
    rule: 'headers-after-answer',
    bad: (app) => app.use(express.static('.')).use(helmet()),
    good: (app) => app.use(helmet()).use(express.static('.')),
    where: '#2 helmetMiddleware at /',
  },
  {
    rule: 'gate-after-forwarder',
    bad: (app) => app.use('/a', balancedProxy(server)).use('/a', gate()),
    good: (app) => app.use('/a', gate()).use('/a', balancedProxy(server)),
    where: '#2 authGate at /a',
  },
  {
    rule: 'unreachable',
    bad: (app) => app.use('/a', balancedProxy(server)).get('/a/:id', answer),
    good: (app) =>
      app.use('/a', balancedProxy({ target: server, fallthrough: [404] })).get('/a/:id', answer),
    where: '#2 answer at /a/:id',
  },
  {
    rule: 'no-error-handler',
    bad: (app) => app.use(errorPages()).use('/a', balancedProxy(server)),
    good: (app) => app.use('/a', balancedProxy(server)).use(errorPages()),
    where: '#2 balancedProxy at /a',
  },
  {
    rule: 'gate-narrower-than-forwarder',
    bad: (app) => app.use('/admin', gate()).use(balancedProxy(server)),
    good: (app) => app.use(gate()).use(balancedProxy(server)),
    where: '#1 authGate at /admin',
  },
  {
    rule: 'gate-narrower-than-forwarder',
    title: 'with routes',
    bad: (app) => app.use('/a/b', gate()).use(prefixRouter({ '/a': server, '/c': server })),
    good: (app) => app.use('/a', gate()).use(prefixRouter({ '/a': server, '/c': server })),
    where: '#1 authGate at /a/b',
  },
  {
    rule: 'target-by-request',
    bad: (app) => app.use(balancedProxy(() => server)),
    good: (app) =>
      app.use(
        gate(),
        balancedProxy(() => server),
      ),
    where: '#1 balancedProxy at /',
  },
  {
    rule: 'trust-proxy-all',
    bad: (app) => app.set('trust proxy', true).use(rateLimit()),
    good: (app) => app.set('trust proxy', 1).use(rateLimit()),
    where: '#1 rateLimit at /',
  },
  {
    rule: 'trust-proxy-off',
    bad: (app) => app.use(balancedProxy(server)),
    good: (app) => trusting(app).use(balancedProxy(server)),
    where: 'app',
    options: { behindProxy: true },
  },
  {
    rule: 'tls-unverified',
    bad: (app) => app.use(balancedProxy(server, { tls: { rejectUnauthorized: false } })),
    good: (app) => app.use(balancedProxy(server, { tls: { rejectUnauthorized: true } })),
    where: '#1 balancedProxy at /',
  },
  {
    rule: 'tls-unverified',
    title: 'in a shared pool and a route',
    bad: (app) =>
      app.use(
        prefixRouter({ '/a': upstream('a', server, { tls: { rejectUnauthorized: false } }) }),
      ),
    good: (app) => app.use(prefixRouter({ '/a': upstream('a', server) })),
    where: '#1 prefixRouter at /',
  },
  {
    rule: 'tls-unverified',
    title: 'in http-proxy-middleware',
    bad: (app) => app.use(createProxyMiddleware({ target: 'https://a.example', secure: false })),
    good: (app) =>
      app.use(
        createProxyMiddleware({ target: 'https://a.example' }),
        createProxyMiddleware({ target: 'http://127.0.0.1:9', secure: false }),
      ),
    where: '#1 http-proxy-middleware at /',
  },
  {
    rule: 'basic-without-tls',
    bad: (app) => app.use(gate()).get('/', answer),
    good: (app) => app.use(httpsRedirect(), gate()).get('/', answer),
    where: '#1 authGate at /',
  },
  {
    rule: 'basic-without-tls',
    title: 'express-basic-auth, TLS in front',
    bad: (app) => app.use(theirGate()).get('/', answer),
    good: (app) => trusting(app).use(theirGate()).get('/', answer),
    where: '#1 authMiddleware at /',
  },
  {
    rule: 'upgrade-without-attach',
    bad: (app) => app.use(balancedProxy(server, { ws: true })),
    good: (app) => app.use(balancedProxy(server)),
    where: '#1 balancedProxy at /',
  },
  {
    rule: 'upgrade-without-attach',
    title: 'of http-proxy-middleware, which takes them past a gate',
    bad: (app) => app.use(gate(), createProxyMiddleware({ target: server, ws: true })),
    good: (app) => app.use(createProxyMiddleware({ target: server, ws: true })),
    where: '#2 http-proxy-middleware at /',
  },
  {
    rule: 'upgrade-unanswered',
    bad: (app) =>
      attach(
        createServer(app),
        app.use(gate(), createProxyMiddleware({ target: server, ws: true })),
      ),
    good: (app) => attach(createServer(app), app.use(gate(), theirProxy())),
    where: '#2 http-proxy-middleware at /',
  },
  {
    rule: 'upgrade-unanswered',
    title: 'as a route',
    bad: (app) =>
      attach(
        createServer(app),
        app.use(prefixRouter({ '/chat': createProxyMiddleware({ target: server, ws: true }) })),
      ),
    good: (app) => attach(createServer(app), app.use(prefixRouter({ '/chat': server }))),
    where: '#2 http-proxy-middleware at /chat',
  },
  {
    rule: 'compression-before-events',
    bad: (app) => app.use(compression()).get('/events', events),
    good: (app) => app.get('/events', events).use(compression()),
    where: '#1 compression at /',
  },
  {
    rule: 'open-forward-proxy',
    bad: (app) => app.use(forwardProxy()),
    good: (app) => app.use(gate(), forwardProxy()),
    where: '#1 forwardProxy at /',
  },
  ...[{ clients: ['10.0.0.0/8'] }, { allow: ['example.com'] }].map((options) => ({
    rule: 'open-forward-proxy',
    title: Object.keys(options)[0] ?? '',
    bad: (app: Express) => app.use(forwardProxy()),
    good: (app: Express) => app.use(forwardProxy(options)),
    where: '#1 forwardProxy at /',
  })),
  {
    rule: 'private-destinations',
    bad: (app) => app.use(gate(), forwardProxy({ allowPrivate: ['10.0.0.0/8'] })),
    good: (app) =>
      app.use(gate(), forwardProxy({ allowPrivate: ['10.1.2.0/28', 'wiki.internal'] })),
    where: '#2 forwardProxy at /',
  },
  {
    rule: 'page-without-gate',
    bad: (app) => app.use('/dashboard', dashboard()),
    good: (app) => app.use('/dashboard', gate(), dashboard()),
    where: '#1 dashboard at /dashboard',
  },
  {
    rule: 'page-without-gate',
    title: 'metrics for everybody',
    bad: (app) => app.use(metrics({ public: true })),
    good: (app) => app.use(metrics()),
    where: '#1 metrics at /',
  },
  {
    rule: 'page-without-gate',
    title: 'an index of files',
    bad: (app) => app.use('/files', serveIndex('.')),
    good: (app) => app.use('/files', gate(), serveIndex('.')),
    where: '#1 serve-index at /files',
  },
  {
    rule: 'gate-narrower-than-forwarder',
    title: 'urlFilter before it',
    bad: (app) =>
      app
        .use(urlFilter({ normalize: false }))
        .use('/admin', gate())
        .use(balancedProxy(server)),
    good: (app) => app.use(urlFilter()).use('/admin', gate()).use(balancedProxy(server)),
    where: '#2 authGate at /admin',
  },
  {
    rule: 'log-after-answer',
    title: 'accessLog',
    bad: (app) => app.use(rateLimit(), accessLog()).get('/a', answer),
    good: (app) => app.use(accessLog(), rateLimit()).get('/a', answer),
    where: '#2 accessLog at /',
  },
  ...[() => cache('1m'), foreignCache, gate, () => urlFilter(), httpsRedirect, forwardProxy].map(
    (make: () => RequestHandler) => ({
      rule: 'log-after-answer',
      title: make().name,
      bad: (app: Express) => app.use(make(), morgan('tiny')),
      good: (app: Express) => app.use(morgan('tiny'), make()),
      where: '#2 logger at /',
    }),
  ),
  ...(
    [
      ['a route for all paths', '/{*path}', (app) => app.get('/{*path}', answer)],
      ['pages by name', '/user/:name', (app) => app.get('/user/:name', answer)],
      ['a form', '/order', (app) => app.post('/order', answer)],
      [
        'a route of a router',
        '/api/*rest',
        (app) => app.use('/api', Router().get('/*rest', answer)),
      ],
      ['a handler for all', '/', (app) => app.use(answer)],
    ] as [title: string, path: string, add: (app: Express) => Express][]
  ).map(([title, path, add]) => ({
    rule: 'log-after-answer',
    title: `${title}: ${path}`,
    bad: (app: Express) => add(app).use(morgan('tiny')),
    good: (app: Express) => add(app.use(morgan('tiny'))),
    where: title.includes('router') ? '#3 logger at /' : '#2 logger at /',
  })),
  {
    rule: 'headers-after-answer',
    title: 'a handler for all',
    bad: (app) => app.use(answer).use(helmet()),
    good: (app) => app.get('/user/:name', answer).use(helmet()).use(answer),
    where: '#2 helmetMiddleware at /',
  },
  {
    rule: 'open-forward-proxy',
    title: 'clients that are everybody',
    bad: (app) => app.use(forwardProxy({ clients: ['0.0.0.0/0', '::/0'] })),
    good: (app) => app.use(forwardProxy({ clients: ['10.0.0.0/8', 'fd00::/8'] })),
    where: '#1 forwardProxy at /',
  },
  {
    rule: 'private-destinations',
    title: 'metadata',
    bad: (app) => app.use(gate(), forwardProxy({ allowPrivate: ['169.254.169.254'] })),
    good: (app) => app.use(gate(), forwardProxy({ allowPrivate: ['10.0.0.1'] })),
    where: '#2 forwardProxy at /',
  },
  {
    rule: 'private-destinations',
    title: 'all names of the inside',
    bad: (app) => app.use(gate(), forwardProxy({ allowPrivate: ['*.internal'] })),
    good: (app) => app.use(gate(), forwardProxy({ allowPrivate: ['wiki.internal'] })),
    where: '#2 forwardProxy at /',
  },
  {
    rule: 'gate-narrower-than-forwarder',
    title: 'for GET only',
    bad: (app) => app.get('/{*path}', gate()).use(balancedProxy(server)),
    good: (app) => app.all('/{*path}', gate()).use(balancedProxy(server)),
    where: '#1 authGate at /{*path}',
  },
  {
    rule: 'fallback-before-forwarder',
    title: 'below a mount',
    bad: (app) => app.get('/app/{*path}', answer).use('/app/api', balancedProxy(server)),
    good: (app) => app.use('/app/api', balancedProxy(server)).get('/app/{*path}', answer),
    where: '#1 answer at /app/{*path}',
  },
  ...(
    [
      ['of another method', '#1 answer at /{*path}', (app) => app.post('/{*path}', answer)],
      [
        'a handler that takes no next',
        '#1 pages at /',
        (app) =>
          app.use(function pages(_req, res) {
            res.end();
          }),
      ],
    ] as [title: string, where: string, add: (app: Express) => Express][]
  ).map(([title, where, add]) => ({
    rule: 'fallback-before-forwarder',
    title: `before forwardProxy: ${title}`,
    bad: (app: Express) => add(app).use(forwardProxy({ allow: ['a.example'] })),
    good: (app: Express) => add(app.use(forwardProxy({ allow: ['a.example'] }))),
    where,
  })),
  {
    rule: 'body-parser-before-forwarder',
    title: 'in a router of prefixRouter',
    bad: (app) =>
      app.use(prefixRouter({ '/x': express.Router().use(express.json(), balancedProxy(server)) })),
    good: (app) => app.use(prefixRouter({ '/x': express.Router().use(balancedProxy(server)) })),
    where: '#3 jsonParser at /x',
  },
  {
    rule: 'trust-proxy-all',
    title: 'lockout counts by address, too',
    bad: (app) =>
      app
        .set('trust proxy', true)
        .use(authGate({ basic: { users: { alice: 'secret' } }, lockout: true })),
    good: (app) =>
      app
        .set('trust proxy', 1)
        .use(authGate({ basic: { users: { alice: 'secret' } }, lockout: true })),
    where: '#1 authGate at /',
  },
  {
    rule: 'forwarder-without-gate',
    title: 'to a server that is guarded elsewhere',
    bad: (app) => app.use('/shop', balancedProxy(server)).use(gate(), balancedProxy(server)),
    good: (app) =>
      app.use('/shop', balancedProxy(`${server}/shop`)).use(gate(), balancedProxy(server)),
    where: '#1 balancedProxy at /shop',
  },
  {
    rule: 'forwarder-without-gate',
    title: 'beside one with a gate',
    bad: (app) =>
      app.use('/admin', gate(), balancedProxy(server)).use('/shop', balancedProxy(shop)),
    good: (app) =>
      app.use('/admin', gate(), balancedProxy(server)).use('/shop', everybody, balancedProxy(shop)),
    where: '#3 balancedProxy at /shop',
    options: { known: { everybody: 'gate' } },
  },
  {
    rule: 'forwarder-without-gate',
    title: 'http-proxy-middleware and express-basic-auth',
    bad: (app) => app.use('/admin', theirGate(), theirProxy()).use('/shop', theirProxy()),
    good: (app) => app.use(theirGate()).use('/admin', theirProxy()).use('/shop', theirProxy()),
    where: '#3 http-proxy-middleware at /shop',
  },
  {
    rule: 'body-parser-before-forwarder',
    title: 'http-proxy-middleware',
    bad: (app) => app.use(express.json()).use('/a', theirProxy()),
    good: (app) => app.use('/a', theirProxy()).use(express.json()),
    where: '#1 jsonParser at /',
  },
  {
    rule: 'fallback-before-forwarder',
    title: 'http-proxy-middleware',
    bad: (app) => app.get('/{*path}', answer).use('/api', theirProxy()),
    good: (app) => app.use('/api', theirProxy()).get('/{*path}', answer),
    where: '#1 answer at /{*path}',
  },
  {
    rule: 'gate-after-forwarder',
    title: 'http-proxy-middleware and express-basic-auth',
    bad: (app) => app.use('/a', theirProxy(), theirGate()),
    good: (app) => app.use('/a', theirGate(), theirProxy()),
    where: '#2 authMiddleware at /a',
  },
  {
    rule: 'gate-narrower-than-forwarder',
    title: 'http-proxy-middleware and express-basic-auth',
    bad: (app) => app.use('/admin', theirGate()).use(theirProxy()),
    good: (app) => app.use(theirGate()).use(theirProxy()),
    where: '#1 authMiddleware at /admin',
  },
  {
    rule: 'cache-before-gate',
    title: 'passport',
    bad: (app) => app.use(cache('1m'), passport.authenticate('jwt')).get('/', answer),
    good: (app) => app.use(passport.authenticate('jwt'), cache('1m')).get('/', answer),
    where: '#1 cache at /',
  },
  {
    rule: 'log-after-answer',
    title: 'pino-http',
    bad: (app) => app.use(rateLimit(), pinoHttp({})).get('/a', answer),
    good: (app) => app.use(pinoHttp({}), rateLimit()).get('/a', answer),
    where: '#2 pino-http at /',
  },
  {
    rule: 'fallback-before-forwarder',
    title: 'connect-history-api-fallback',
    bad: (app) => app.use(historyFallback()).use('/api', balancedProxy(server)),
    good: (app) => app.use('/api', balancedProxy(server)).use(historyFallback()),
    where: '#1 connect-history-api-fallback at /',
  },
  {
    rule: 'session-before-cache',
    title: 'cookie-session, which has none before there is something in it',
    bad: (app) => app.use(sessions(true), cache('1m')).get('/', answer),
    good: (app) => app.use(cookieSession({ keys: ['a'] }), cache('1m')).get('/', answer),
    where: '#1 session at /',
  },
  ...(['any', 'none'] as const).map((kind) => ({
    rule: 'body-parser-before-forwarder',
    title: `multer().${kind}()`,
    bad: (app: Express) => app.use(multer()[kind]()).use('/a', balancedProxy(server)),
    good: (app: Express) => app.use('/a', balancedProxy(server)).use(multer()[kind]()),
    where: '#1 multerMiddleware at /',
  })),
  {
    rule: 'body-parser-before-forwarder',
    title: 'express-http-proxy',
    bad: (app) => app.use(express.json()).use('/a', expressHttpProxy(server)),
    good: (app) => app.use('/a', expressHttpProxy(server)).use(express.json()),
    where: '#1 jsonParser at /',
  },
  {
    rule: 'gate-after-forwarder',
    title: 'express-http-proxy',
    bad: (app) => app.use('/a', expressHttpProxy(server), gate()),
    good: (app) => app.use('/a', gate(), expressHttpProxy(server)),
    where: '#2 authGate at /a',
  },
  {
    rule: 'gate-after-forwarder',
    title: 'http-proxy-middleware 3 and passport',
    bad: (app) => app.use('/a', proxyOfVersion3({ target: server }), passport.authenticate('jwt')),
    good: (app) => app.use('/a', passport.authenticate('jwt'), proxyOfVersion3({ target: server })),
    where: '#2 authenticate at /a',
  },
  {
    rule: 'gate-narrower-than-forwarder',
    title: 'http-proxy-middleware 3',
    bad: (app) => app.use('/admin', gate()).use(proxyOfVersion3({ target: server })),
    good: (app) => app.use(gate()).use(proxyOfVersion3({ target: server })),
    where: '#1 authGate at /admin',
  },
  {
    rule: 'no-error-handler',
    title: 'http-proxy-middleware',
    bad: (app) => app.use('/a', theirProxy()),
    good: (app) => app.use('/a', theirProxy()).use(errorPages()),
    where: '#1 http-proxy-middleware at /a',
  },
  {
    rule: 'hsts-on-http',
    bad: (app) => attach(createServer(app), app.use(securityHeaders())),
    good: (app) =>
      attach(createServer(app), app.use(securityHeaders({ strictTransportSecurity: false }))),
    where: '#1 securityHeaders at /',
  },
  {
    rule: 'page-without-gate',
    title: 'the page of metrics',
    bad: (app) => app.get('/metrics', metrics({ path: false }).page),
    good: (app) => app.get('/metrics', gate(), metrics({ path: false }).page),
    where: '#1 metricsPage at /metrics',
  },
];

for (const { rule, title, bad, good, where, options } of cases)
  test(`${rule}${title === undefined ? '' : ` (${title})`}: found where it is, and only there`, () => {
    const broken = express();
    bad(broken);
    const found = audit(broken, options).findings.filter((finding) => finding.rule === rule);
    assert.deepEqual(
      found.map((finding) => finding.where),
      [where],
    );
    assert.match(found[0]!.documentation, new RegExp(`#${rule}$`));
    assert.ok(found[0]!.why.length > 20 && found[0]!.remedy.length > 10);

    const right = express();
    good(right);
    const left = audit(right, options).findings.filter((finding) => finding.rule === rule);
    assert.deepEqual(left, []);
  });

/** Orders that only look like mistakes. */
const fine: Readonly<Record<string, Build>> = {
  'public paths before the gate': (app) => {
    app.use('/public', cache('1m'), balancedProxy(`${server}/public`));
    app.get('/news', cache('1m'), answer);
    app.use(gate(), balancedProxy(server));
  },
  'apicache on a public route before the gate': (app) =>
    app.get('/news', foreignCache(), answer).use(theirGate()).get('/me', answer),
  'a cache for GET, a gate for POST': (app) =>
    app.get('/x', cache('1m'), answer).post('/x', gate(), answer),
  'routes for some, a gate and the forward proxy for others': (app) =>
    app.use(prefixRouter({ '/x': server }), gate(), forwardProxy()),
  'http-proxy-middleware with a pathFilter that a gate guards': (app) =>
    app.use('/api', gate()).use(createProxyMiddleware({ target: server, pathFilter: '/api' })),
  'http-proxy-middleware with a pathFilter, then routes': (app) =>
    app
      .use(createProxyMiddleware({ target: server, pathFilter: ['/api'] }))
      .get('/own', express.json(), answer),
  'http-proxy-middleware with a glob that a gate guards': (app) =>
    app
      .use('/api', gate())
      .use(createProxyMiddleware({ target: server, pathFilter: ['/api/**', '!/api/own'] })),
  'http-proxy-middleware with a glob behind a fallback for other paths': (app) =>
    app
      .get('/app/*any', answer)
      .use(createProxyMiddleware({ target: server, pathFilter: '/api/*.json' })),
  'answers to an authority of certificates before the redirect': (app) =>
    app
      .use('/.well-known/acme-challenge', express.static('challenges'))
      .use(securityHeaders(), httpsRedirect())
      .use('/a', balancedProxy(server)),
  'a login route with its own parser': (app) =>
    app.post('/login', express.json(), answer).use(balancedProxy(server)),
  'a limiter by address before the gate, one by user behind': (app) =>
    app.use(rateLimit(), gate(), rateLimit()).get('/', answer),
  'lockout, then a limiter': (app) =>
    app
      .use(authGate({ basic: { users: { alice: 'secret' } }, lockout: true }), rateLimit())
      .get('/', answer),
  'a health check before the log': (app) =>
    app.get('/healthz', answer).use(morgan('tiny')).use(balancedProxy(server)),
  'health checks mounted before the log, and what may go on': (app) =>
    app
      .use('/livez', answer)
      .all('/readyz', answer)
      .use('/api/:version', everybody)
      .use(morgan('tiny'), helmet())
      .get('/', answer),
  'an ACME challenge before the redirect': (app) =>
    app.get('/.well-known/acme-challenge/:token', answer).use(httpsRedirect()),
  'cors before the gate, and for a route behind it': (app) =>
    app.use(cors(), gate()).get('/special', cors(), answer),
  'compression that leaves events out': (app) =>
    app.use(compression({ filter: () => false })).get('/events', events),
  'an application’s own functions of known names': (app) => {
    const own = (name: string): RequestHandler =>
      Object.defineProperty(
        (_req: Request, _res: Response, next: () => void) => {
          next();
        },
        'name',
        { value: name },
      );
    app.get('/a', own('authenticate'), cors(), answer);
    app.use(express.static('.'), own('logger'), own('session'));
  },
  'the dashboard in a guarded app of its own': (app) => {
    app.use('/admin', express().use(gate()).use('/dash', dashboard()));
  },
};

for (const [title, build] of Object.entries(fine))
  test(`${title}: no finding`, () => {
    const app = trusting(express());
    build(app);
    app.use(errorPages());
    assert.deepEqual(audit(app).findings, []);
  });

test('the recommended order has no finding', () => {
  const app = trusting(express());
  app.use(accessLog(), metrics(), morgan('tiny'), securityHeaders(), httpsRedirect(), urlFilter());
  app.use(cors(), rateLimit(), sessions(false), gate());
  app.use('/dashboard', dashboard());
  app.use(egressGuard(), compression(), cache('10s'), virusScanner({ clamd: { port: 3310 } }));
  app.use(prefixRouter({ '/blog': server, '/image': [server, 'http://127.0.0.1:10'] }));
  app.use(anonymizer(), forwardProxy());
  app.use(express.json());
  app.post('/own', answer);
  app.use((_req, res) => void res.sendStatus(404));
  app.use(errorPages());
  assert.deepEqual(audit(app).findings, []);
});

test('a forward proxy with users, filter and cache has no more than a note about TLS', () => {
  const app = express();
  app.use(accessLog(), urlFilter({ deny: ['ads.example'] }), gate());
  app.use(cache(), anonymizer(), forwardProxy(), errorPages());
  const { findings } = audit(app);
  assert.deepEqual(
    findings.map(({ rule, severity }) => `${severity} ${rule}`),
    ['info basic-without-tls'],
  );
});

for (const [title, forwarder, severity] of [
  ['http-proxy-middleware 4', createProxyMiddleware({ target: server }), 'error'],
  ['its function', createProxyMiddleware({ target: server, pathFilter: () => true }), 'warning'],
  ['version 3', proxyOfVersion3({ target: server, pathFilter: '/admin' }), 'warning'],
] as const)
  test(`gate-narrower-than-forwarder: ${title} may forward all: ${severity}`, () => {
    const app = express().use('/admin', gate()).use(forwarder);
    const { findings } = audit(app);
    assert.equal(
      findings.find(({ rule }) => rule === 'gate-narrower-than-forwarder')?.severity,
      severity,
    );
  });

test('hsts-on-http: told for a server without TLS that others reach, not for one of this machine', async (t) => {
  const app = express().use(helmet());
  const { server: local } = await listen(t, app);
  attach(local, app);
  assert.deepEqual(audit(app).findings, []);
});

test('upgrade-without-attach: an attached app is fine', async (t) => {
  const app = express().use(balancedProxy(server, { ws: true }), errorPages());
  const { server: local } = await listen(t, app);
  attach(local, app);
  assert.deepEqual(audit(app).findings, []);
});

test('tls-unverified: the variable of the environment counts for the whole process', (t) => {
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  t.after(() => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  });
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  const [finding] = audit(express()).findings;
  assert.equal(finding?.rule, 'tls-unverified');
  assert.equal(finding.where, 'process');
});

for (const [title, build, severity] of [
  [
    'two routes to one server, a gate at one',
    (app) => app.use('/a', gate(), prefixRouter({ '/x': server })).use(balancedProxy(server)),
    'warning',
  ],
  [
    'to a part of what is guarded',
    (app) => app.use('/a', gate(), balancedProxy(server)).use('/b', balancedProxy(`${server}/b`)),
    'info',
  ],
  [
    'to the same paths, of which the gate guards some',
    (app) =>
      app
        .use('/a', gate())
        .use('/a', balancedProxy({ target: server, keepPrefix: true }))
        .use(balancedProxy(server)),
    'info',
  ],
  [
    'of another method',
    (app) => app.get('/a', balancedProxy(server)).post('/a', gate(), balancedProxy(server)),
  ],
  [
    'a function chooses',
    (app) =>
      app.use('/a', gate(), balancedProxy(server)).use(
        '/b',
        balancedProxy(() => server),
      ),
    'info',
  ],
  ['none has a gate', (app) => app.use('/a', balancedProxy(server)).use(balancedProxy(server))],
] as [title: string, build: Build, severity?: string][])
  test(`forwarder-without-gate: ${title}: ${severity ?? 'nothing'}`, () => {
    const app = express();
    build(app);
    const found = audit(app).findings.find(({ rule }) => rule === 'forwarder-without-gate');
    assert.equal(found?.severity, severity);
  });

test('a rule that is ignored is not asked', () => {
  const app = express().use(cache('1m'), gate(), balancedProxy(server));
  const names = audit(app, { ignore: ['cache-before-gate'] }).findings.map(({ rule }) => rule);
  assert.ok(!names.includes('cache-before-gate'));
  assert.ok(names.includes('no-error-handler'));
});

test('a handler that is told of counts as what it is', () => {
  function requireLogin(_req: Request, _res: Response, next: () => void): void {
    next();
  }
  const app = express().use(cache('1m'), requireLogin, balancedProxy(server), errorPages());
  assert.deepEqual(audit(app).findings, []);
  assert.equal(audit(app).chain[1]?.role, 'unknown');
  const { findings } = audit(app, { known: { requireLogin: 'gate' } });
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ['cache-before-gate'],
  );
});
