import assert from 'node:assert/strict';
import { test } from 'node:test';
import express, { Router, type Express } from 'express';
import { accessLog } from '../../../lib/access-log/index.ts';
import { authGate } from '../../../lib/auth-gate/index.ts';
import { balancedProxy } from '../../../lib/balanced-proxy/index.ts';
import { prefixRouter } from '../../../lib/prefix-router/index.ts';
import { errorPages } from '../../../lib/error-pages/index.ts';
import { urlFilter } from '../../../lib/url-filter/index.ts';
import { listen, until } from '../../support/servers.ts';

const gate = () => authGate({ basic: { users: { alice: 'secret' } } });

const failures: readonly [title: string, build: (app: Express, dead: string) => unknown, string][] =
  [
    ['a forwarder', (app, dead) => app.use('/a', balancedProxy(dead)), '/a'],
    [
      'a forwarder in a router',
      (app, dead) => app.use('/a', Router().use('/b', balancedProxy(dead))),
      '/a/b',
    ],
    ['a forwarder in a route', (app, dead) => app.all('/a/*rest', balancedProxy(dead)), '/a/*rest'],
    ['a route of prefixRouter', (app, dead) => app.use(prefixRouter({ '/a': dead })), '/a'],
    ['a gate', (app) => app.use('/a', gate()), '/a'],
    ['a filter', (app) => app.use('/a', urlFilter({ deny: ['/b'] })), '/a'],
  ];

for (const [title, build, route] of failures)
  test(`what ${title} refuses, or fails with, has its route in the record`, async (t) => {
    const lines: string[] = [];
    const app = express().use(
      accessLog({ format: 'json', stream: { write: (l) => lines.push(l) } }),
    );
    build(app, 'http://127.0.0.1:1');
    const { url } = await listen(t, app.use(errorPages()));
    const { ok } = await fetch(`${url}/a/b/c`);
    assert.equal(ok, false);
    await until(() => lines.length > 0, 'a line');
    assert.equal((JSON.parse(lines[0]!) as { route?: string }).route, route);
  });
