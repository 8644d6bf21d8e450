/** `Cache-Status` on what the app's error handlers answer. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import express, { type ErrorRequestHandler } from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache, type CacheOptions } from '../../lib/cache/index.ts';
import { errorPages } from '../../lib/error-pages/index.ts';
import { listen, listenBytes, turns, until } from '../support/servers.ts';
import { begin, send, statusOf, type Ask } from './support.ts';

const own: ErrorRequestHandler = (_error, _req, res, next) => {
  if (res.headersSent) next();
  else res.status(500).send('sorry');
};

const pages: Readonly<Record<string, ErrorRequestHandler | undefined>> = {
  "Express' own": undefined,
  'errorPages()': errorPages(),
  "the app's": own,
};

function broken(): never {
  throw new Error('broken');
}

const rows: Readonly<Record<string, readonly [status: string, ask?: Ask, options?: CacheOptions]>> =
  {
    'a miss': ['sekisho; fwd=uri-miss'],
    'only-if-cached': [
      'sekisho; fwd=uri-miss; detail=only-if-cached',
      { headers: { 'Cache-Control': 'only-if-cached' } },
    ],
    'a request that passes': ['sekisho; fwd=method', { method: 'DELETE' }],
    'a name of its own': ['edge; fwd=uri-miss', {}, { cacheStatus: 'edge' }],
    'no name': ['', {}, { cacheStatus: false }],
    'a `when` that throws': ['sekisho; fwd=bypass; detail=hook', {}, { when: broken }],
    'an `appendKey` that throws': ['sekisho; fwd=bypass; detail=hook', {}, { appendKey: broken }],
  };

for (const [by, handler] of Object.entries(pages))
  describe(`a failure answered by ${by}`, () => {
    for (const [what, [expected, ask, options]] of Object.entries(rows))
      test(`${what}: ${expected}`, async (t) => {
        // Closes each connection without a word.
        const { url } = await listenBytes(t, '', { close: true });
        const app = express().set('env', 'test');
        app.use(cache(options), balancedProxy(url, { retries: { attempts: 1 } }));
        if (handler !== undefined) app.use(handler);
        const { port } = await listen(t, app);
        const answer = await send(port, '/', ask);
        assert.ok(answer.status >= 500, String(answer.status));
        assert.equal(statusOf(answer), expected);
      });

    test('those who waited have shared the fetch', async (t) => {
      const waiting: express.Response[] = [];
      const origin = await listen(
        t,
        ((_req: unknown, res: express.Response) => void waiting.push(res)) as never,
      );
      const app = express().set('env', 'test');
      const shared = cache();
      app.use(shared, balancedProxy(origin.url, { retries: { attempts: 1 } }));
      if (handler !== undefined) app.use(handler);
      const { port } = await listen(t, app);
      const answers = [send(port, '/'), send(port, '/')];
      await until(() => waiting.length === 1, 'one is asked for both');
      await turns();
      waiting[0]?.destroy();
      assert.deepEqual((await Promise.all(answers)).map(statusOf).sort(), [
        'sekisho; fwd=uri-miss',
        'sekisho; fwd=uri-miss; collapsed',
      ]);
    });
  });

test('two caches tell both, the inner one first', async (t) => {
  const { url } = await listenBytes(t, '', { close: true });
  const app = express().set('env', 'test');
  app.use(cache({ cacheStatus: 'outer' }), cache({ cacheStatus: 'inner' }));
  app.use(balancedProxy(url, { retries: { attempts: 1 } }));
  const { port } = await listen(t, app);
  const { answer } = await begin(port, '/');
  assert.equal(answer.headers['cache-status'], 'inner; fwd=uri-miss, outer; fwd=uri-miss');
});

test('what a handler of the app gives to next() has it, too', async (t) => {
  const app = express().set('env', 'test');
  app.use(cache(), (_req, _res, next) => {
    next(new Error('broken'));
  });
  const { port } = await listen(t, app);
  const answer = await send(port, '/');
  assert.equal(answer.status, 500);
  assert.match(statusOf(answer), /^sekisho; fwd=uri-miss; detail=/);
});
