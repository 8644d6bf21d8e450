import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import express, { type RequestHandler } from 'express';
import { audit } from '../../lib/audit/index.ts';

/** Without types of their own. */
const require = createRequire(import.meta.url);
const passport = require('passport') as {
  authenticate(strategies: string | string[], options?: object): RequestHandler;
  initialize(): RequestHandler;
  session(): RequestHandler;
};
const multer = require('multer') as () => {
  any(): RequestHandler;
  single(field: string): RequestHandler;
};
const { createProxyMiddleware: proxyOfVersion3, legacyCreateProxyMiddleware: legacyProxy } =
  require('http-proxy-middleware-3') as Record<string, (options: object) => RequestHandler>;

function of(name: string, ...args: unknown[]): RequestHandler {
  return (require(name) as (...args: unknown[]) => RequestHandler)(...args);
}

/**
 * http-proxy-middleware 2 as its compiler writes it, in parentheses: the function gets no name. The package itself does not go
 * along with this Express (its peer dependency is @types/express 4).
 */
class TheirProxy {
  readonly middleware: RequestHandler = (_req, _res, next) => {
    if (!this.shouldProxy('/')) next();
  };

  constructor() {
    Object.defineProperty(this.middleware, 'name', { value: '' });
    Object.assign(this.middleware, { upgrade: () => undefined });
  }

  shouldProxy(path: string): boolean {
    return path !== '';
  }
}

function unnamed(handler: RequestHandler): RequestHandler {
  return Object.defineProperty(handler, 'name', { value: '' });
}

const target = 'http://127.0.0.1:9';

for (const [title, handler, row] of [
  [
    'http-proxy-middleware 2',
    new TheirProxy().middleware,
    'http-proxy-middleware foreign-forwarder',
  ],
  [
    'http-proxy-middleware 3',
    proxyOfVersion3!({ target }),
    'http-proxy-middleware foreign-forwarder',
  ],
  [
    'http-proxy-middleware 3, as version 2 was called',
    legacyProxy!({ target }),
    'http-proxy-middleware foreign-forwarder',
  ],
  ['express-http-proxy', of('express-http-proxy', target), 'handleProxy foreign-forwarder'],
  [
    'connect-history-api-fallback',
    of('connect-history-api-fallback'),
    'connect-history-api-fallback fallback',
  ],
  ['pino-http', of('pino-http'), 'pino-http log'],
  ['serve-index', of('serve-index', '.'), 'serve-index page'],
  ['cookie-session', of('cookie-session', { keys: ['a'] }), '_cookieSession session'],
  ['multer().any()', multer().any(), 'multerMiddleware body-parser'],
  ['multer().single()', multer().single('a'), 'multerMiddleware body-parser'],
  ['passport.authenticate()', passport.authenticate('jwt'), 'authenticate gate'],
  [
    'passport.authenticate() with options',
    passport.authenticate('jwt', { session: false }),
    'authenticate gate',
  ],
  [
    'passport.authenticate() of several',
    passport.authenticate(['session', 'jwt']),
    'authenticate gate',
  ],
  ['passport.session()', passport.session(), 'authenticate unknown'],
  ['passport.initialize()', passport.initialize(), 'initialize unknown'],
  ['passport-anonymous', passport.authenticate(['jwt', 'anonymous']), 'authenticate unknown'],
  ['anything without a name', unnamed((_req, res) => void res.end()), '<anonymous> unknown'],
] as const)
  test(`${title}: ${row}`, () => {
    const [entry] = audit(express().use(handler)).chain;
    assert.equal(`${entry?.name ?? ''} ${entry?.role ?? ''}`, row);
  });
