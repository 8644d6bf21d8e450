import assert from 'node:assert/strict';
import { Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { test, type TestContext } from 'node:test';
import express, { type RequestHandler } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { audit, explain } from '../../lib/audit/index.ts';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';

const { createProxyMiddleware: proxyOfVersion3 } = createRequire(import.meta.url)(
  'http-proxy-middleware-3',
) as { createProxyMiddleware: typeof createProxyMiddleware };

const target = 'http://127.0.0.1:9';

/** Counts what V8 is asked: how often to search its heap, which takes long, and how often at all. */
function asked(t: TestContext): { searches(): number; all(): number } {
  const post = t.mock.method(Session.prototype, 'post');
  return {
    searches: () =>
      post.mock.calls.filter((call) => (call.arguments as unknown[])[0] === 'Runtime.queryObjects')
        .length,
    all: () => post.mock.callCount(),
  };
}

for (const [title, handlers, searches] of [
  ['no http-proxy-middleware', [express.json(), balancedProxy(target)], 0],
  ['version 3, which has nothing to be found', [proxyOfVersion3({ target })], 0],
  [
    'several of version 4',
    ['/a', '/b', '/c'].map((pathFilter) => createProxyMiddleware({ target, pathFilter })),
    1,
  ],
] as [title: string, handlers: RequestHandler[], searches: number][])
  test(`the heap is searched once at most, and V8 asked nothing twice: ${title}: ${searches}`, (t) => {
    const app = express().use(...handlers);
    const count = asked(t);
    audit(app);
    assert.equal(count.searches(), searches);
    const first = count.all();
    explain(app, 'GET /c');
    audit(app);
    assert.equal(count.all(), first);
  });

test('one that is made later is found, too', (t) => {
  audit(express().use(createProxyMiddleware({ target })));
  const count = asked(t);
  const app = express().use(createProxyMiddleware({ target: 'https://b.example', secure: false }));
  assert.ok(audit(app).findings.some(({ rule }) => rule === 'tls-unverified'));
  assert.equal(count.searches(), 1);
});
