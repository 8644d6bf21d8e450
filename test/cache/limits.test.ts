import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache, memoryStore } from '../../lib/cache/index.ts';
import { listenBytes, until } from '../support/servers.ts';
import { appOf, begin, send, sites, statusOf } from './support.ts';

for (const [where, make] of Object.entries(sites))
  describe(`limits in front of ${where}`, () => {
    for (const declared of [true, false])
      test(`what is larger than maxEntrySize passes, length ${declared ? 'stated' : 'unknown'}`, async (t) => {
        const part = 'x'.repeat(10_000);
        const { ask, cache: own } = await make(
          t,
          (_req, res) => {
            res.set('Cache-Control', 'max-age=60');
            if (declared) res.set('Content-Length', '40000');
            for (let count = 0; count < 4; count++) res.write(part);
            res.end();
          },
          { cache: { maxEntrySize: 20_000 } },
        );
        for (let round = 0; round < 2; round++) {
          const answer = await ask('/');
          assert.deepEqual([answer.body.length, answer.complete], [40_000, true]);
        }
        assert.equal((await own.stats()).entries, 0);
      });

    test('a handler that destroys its answer stores nothing', async (t) => {
      const { port, cache: own } = await make(t, (_req, res) => {
        res.set('Cache-Control', 'max-age=60').write('begun');
        setTimeout(() => res.destroy(), 30);
      });
      const { answer } = await begin(port, where.includes('prefix') ? '/shop/' : '/');
      await until(() => answer.destroyed || answer.closed, 'it ends');
      assert.equal(answer.complete, false);
      assert.equal((await own.stats()).entries, 0);
    });

    test('a store that throws, and one that rejects, costs nobody an answer', async (t) => {
      for (const fail of [
        () => {
          throw new Error('broken');
        },
        () => Promise.reject(new Error('broken')),
      ]) {
        const store = new Proxy(memoryStore(), {
          get: (_target, name) => (name === 'then' ? undefined : fail),
        });
        const { ask, cache: own } = await make(
          t,
          (_req, res) => void res.set({ 'Cache-Control': 'max-age=60', Vary: 'X-A' }).send('x'),
          { cache: { store } },
        );
        for (const method of ['GET', 'GET', 'HEAD', 'POST'])
          assert.equal((await ask('/', { method })).status, 200);
        await assert.rejects(own.clear(), /broken/);
      }
    });
  });

for (const [what, bytes] of [
  [
    'a stated length',
    'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nshort',
  ],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n',
  ],
] as const)
  test(`a body that ended early is cut off visibly and not stored: ${what}`, async (t) => {
    const { url } = await listenBytes(t, bytes, { close: true });
    const own = cache();
    const { port } = await appOf(t, [own, balancedProxy(url)]);
    const answer = await send(port, '/');
    assert.equal(answer.complete, false);
    assert.equal((await own.stats()).entries, 0);
  });

test('trailers are stored', async (t) => {
  const { url } = await listenBytes(
    t,
    'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 7\r\n\r\n',
  );
  const { port } = await appOf(t, [cache(), balancedProxy(url)]);
  for (const expected of ['sekisho; fwd=uri-miss; stored', 'sekisho; hit']) {
    const answer = await send(port, '/');
    assert.deepEqual(
      [statusOf(answer), answer.body, answer.trailers['x-sum']],
      [expected, 'ab', '7'],
    );
  }
});

test('Via, headers.response and on.response are on hits as on misses, and called once', async (t) => {
  let calls = 0;
  const origin = await appOf(t, [
    (_req, res) => void res.set('Cache-Control', 'max-age=60').send('x'),
  ]);
  const proxy = balancedProxy(origin.url, {
    headers: { response: { 'X-Added': 'yes' } },
    on: {
      response: (answer) => {
        calls += 1;
        answer.headers.set('X-Hook', String(calls));
      },
    },
  });
  const { port } = await appOf(t, [cache(), proxy]);
  const [miss, hit] = [await send(port, '/'), await send(port, '/')];
  for (const name of ['via', 'x-added', 'x-hook', 'content-length'])
    assert.equal(hit.headers[name], miss.headers[name], name);
  assert.match(String(miss.headers.via), /^1\.1 /);
  assert.deepEqual([miss.headers['x-added'], miss.headers['x-hook'], calls], ['yes', '1', 1]);
});

test('a 404 that falls through is cached as what the next handler says', async (t) => {
  const origin = await appOf(t, [(_req, res) => void res.status(404).end()]);
  let local = 0;
  const { port } = await appOf(t, [
    cache(),
    balancedProxy(origin.url, { fallthrough: [404], headers: { response: { 'X-Added': 'yes' } } }),
    (_req, res) => {
      local += 1;
      res.set('Cache-Control', 'max-age=60').send('here');
    },
  ]);
  for (let round = 0; round < 2; round++) {
    const answer = await send(port, '/');
    assert.deepEqual(
      [answer.status, answer.body, answer.headers['x-added']],
      [200, 'here', undefined],
    );
  }
  assert.equal(local, 1);
});
