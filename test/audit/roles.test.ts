import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { type RequestHandler } from 'express';
import { audit } from '../../lib/audit/index.ts';

/** As the compiler writes theirs, in parentheses: the function gets no name. */
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

/** In the shape of passport's. */
function authenticating(strategies: string | string[]): RequestHandler {
  const name = [strategies].flat();
  return function authenticate(_req, _res, next) {
    const failures = name.map((one) => one.length);
    if (failures.length > 0) next();
  };
}

function loggingMiddleware(next: () => void): void {
  next();
}

for (const [title, handler, row] of [
  [
    'http-proxy-middleware 2 and 3',
    new TheirProxy().middleware,
    'http-proxy-middleware foreign-forwarder',
  ],
  [
    'connect-history-api-fallback',
    unnamed((_req, res) => void res.send('because the client does not accept HTML.')),
    'connect-history-api-fallback fallback',
  ],
  [
    'pino-http',
    Object.defineProperty(
      ((_req, _res, next) => {
        loggingMiddleware(next);
      }) satisfies RequestHandler,
      'name',
      { value: 'result' },
    ),
    'pino-http log',
  ],
  ['passport.authenticate()', authenticating('jwt'), 'authenticate gate'],
  ['passport.authenticate() of several', authenticating(['session', 'jwt']), 'authenticate gate'],
  ['passport.session()', authenticating('session'), 'authenticate unknown'],
  ['passport-anonymous', authenticating(['jwt', 'anonymous']), 'authenticate unknown'],
  ['anything without a name', unnamed((_req, res) => void res.end()), '<anonymous> unknown'],
] as const)
  test(`${title}: ${row}`, () => {
    const [entry] = audit(express().use(handler)).chain;
    assert.equal(`${entry?.name ?? ''} ${entry?.role ?? ''}`, row);
  });
