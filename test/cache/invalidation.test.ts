import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Response } from 'express';
import { memoryStore, redisStore } from '../../lib/cache/index.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { until } from '../support/servers.ts';
import { sites, statusOf } from './support.ts';

for (const [where, make] of Object.entries(sites))
  describe(`what is forgotten in front of ${where}`, () => {
    const prefix = where.includes('prefix') ? '/shop' : '';

    for (const [method, fields, status, forgotten] of [
      ['POST', {}, 200, ['/a']],
      ['FROBNICATE', {}, 204, ['/a']],
      ['DELETE', {}, 500, []],
      ['OPTIONS', {}, 200, []],
      ['PUT', { Location: `${prefix}/b` }, 201, ['/a', '/b']],
      ['PUT', { 'Content-Location': 'b' }, 200, ['/a', '/b']],
      ['PUT', { Location: 'http://elsewhere.example/b' }, 201, ['/a']],
    ] as const)
      test(`${method} with ${JSON.stringify(fields)} and ${status}`, async (t) => {
        const { port, ask } = await make(t, (req, res) => {
          if (req.method === 'GET') res.set('Cache-Control', 'max-age=60').send('x');
          else res.set(fields).status(status).end();
        });
        const headers = { Host: `127.0.0.1:${port}` };
        for (const path of ['/a', '/b', '/c']) await ask(path, { headers });
        await ask('/a', { method: method === 'FROBNICATE' ? 'LOCK' : method, headers });
        for (const path of ['/a', '/b', '/c'])
          assert.equal(
            statusOf(await ask(path, { headers })) === 'sekisho; hit',
            !(forgotten as readonly string[]).includes(path),
            path,
          );
      });

    for (const [what, target, left] of [
      ['a group of the handler', 'news', ['/b', '/c']],
      ['a Surrogate-Key', 'shoes', ['/a', '/c']],
      ['a path', `${prefix}/c`, ['/a', '/b']],
      ['all', undefined, []],
    ] as const)
      test(`clear() of ${what}`, async (t) => {
        const site = await make(
          t,
          (req, res) => {
            if (req.url === '/b') res.set('Surrogate-Key', 'hats shoes');
            res.set('Cache-Control', 'max-age=60').send('x');
          },
          {
            behind: [
              (req, _res, next) => {
                if (req.path === '/a') Object.assign(req, { apicacheGroup: 'news' });
                next();
              },
            ],
          },
        );
        for (const path of ['/a', '/b', '/c']) await site.ask(path);
        assert.equal((await site.cache.index()).length, 3);
        assert.equal(await site.cache.clear(target), 3 - left.length);
        const urls = (await site.cache.index()).map(({ url }) => new URL(url).pathname).sort();
        assert.deepEqual(
          urls,
          left.map((path) => prefix + path),
        );
        assert.equal((await site.cache.stats()).entries, left.length);
      });

    for (const kept of ['in memory', 'in Redis'])
      test(`a variant asked for before its group is cleared is not kept after it, ${kept}`, async (t) => {
        if (kept === 'in Redis' && noRedis !== false) {
          t.skip(noRedis);
          return;
        }
        const store =
          kept === 'in memory'
            ? memoryStore()
            : redisStore({ url: (await startRedis(t)).url, timeout: '20s' });
        t.after(() => store.close());
        const held: (() => void)[] = [];
        const { ask, asked, cache } = await make(
          t,
          (req, res) => {
            const lang = req.get('x-lang') ?? '';
            res.set({ 'Cache-Control': 'max-age=60', Vary: 'X-Lang', 'Cache-Tag': lang });
            if (asked.length === 3) held.push(() => res.send('before'));
            else res.send('first');
          },
          { cache: { store } },
        );
        for (const lang of ['de', 'en']) {
          await ask('/', { headers: { 'X-Lang': lang } });
          await until(
            async () => (await cache.index()).some(({ groups }) => groups.includes(lang)),
            'it is stored',
          );
        }
        const asking = ask('/', { headers: { 'X-Lang': 'de', 'Cache-Control': 'no-cache' } });
        await until(() => held.length === 1, 'it is asked for anew');
        await cache.clear('de');
        for (const answer of held) answer();
        assert.equal((await asking).body, 'before');
        assert.equal((await ask('/', { headers: { 'X-Lang': 'de' } })).body, 'first');
        assert.equal(asked.length, 4);
      });

    test('a PURGE that did not happen does not look as if it had', async (t) => {
      const memory = memoryStore();
      // As redisStore() is while Redis is gone.
      const store = Object.assign(Object.create(memory) as typeof memory, {
        get: memory.get.bind(memory),
        epoch: memory.epoch.bind(memory),
        set: memory.set.bind(memory),
        delete: () => false,
        clear: async () => Promise.reject(new Error('gone')),
      });
      const { ask } = await make(
        t,
        (_req, res) => void res.set('Cache-Control', 'max-age=60').send('x'),
        { cache: { store, purge: () => true } },
      );
      await ask('/a');
      const purged = await ask('/a', { method: 'PURGE' });
      assert.deepEqual([purged.status, purged.body], [500, 'error gone']);
      assert.equal(statusOf(purged), 'sekisho; detail=purge');
      assert.equal(statusOf(await ask('/a')), 'sekisho; hit');
    });

    test('PURGE by who may, and by who may not', async (t) => {
      const origin = (_req: unknown, res: Response): void =>
        void res.set('Cache-Control', 'max-age=60').send('x');
      const { ask, asked } = await make(t, origin, {
        cache: {
          purge: (req) => {
            if (req.get('x-key') === 'throw') throw new Error('broken');
            return Promise.resolve(req.get('x-key') === 'right');
          },
        },
      });
      await ask('/a');
      for (const [key, status] of [
        ['wrong', 403],
        ['throw', 500],
      ] as const) {
        const refused = await ask('/a', { method: 'PURGE', headers: { 'X-Key': key } });
        assert.deepEqual([refused.status, statusOf(refused)], [status, 'sekisho; detail=purge']);
      }
      assert.equal(statusOf(await ask('/a')), 'sekisho; hit');
      const purged = await ask('/a', { method: 'PURGE', headers: { 'X-Key': 'right' } });
      assert.deepEqual([purged.status, purged.body], [200, '{"purged":1}']);
      assert.equal(statusOf(purged), 'sekisho; detail=purge');
      assert.equal(statusOf(await ask('/a')), 'sekisho; fwd=uri-miss; stored');
      assert.deepEqual(asked, ['GET /a', 'GET /a']);
      const none = await make(t, origin);
      await none.ask('/a', { method: 'PURGE' });
      assert.deepEqual(none.asked, ['PURGE /a']);
    });

    test('the answer to a POST that is the resource itself serves GET', async (t) => {
      const { port, ask, asked } = await make(
        t,
        (req, res) =>
          void res
            .set({ 'Cache-Control': 'max-age=60', 'Content-Location': req.originalUrl })
            .send('x'),
        { cache: { methods: ['GET', 'HEAD', 'POST'] } },
      );
      // Behind the forwarder the origin sees the same path; under a prefix originalUrl has it.
      const headers = { Host: `127.0.0.1:${port}` };
      await ask('/a', { method: 'POST', headers });
      assert.equal(statusOf(await ask('/a', { headers })), 'sekisho; hit');
      assert.deepEqual(asked, ['POST /a']);
    });

    test(
      'so it does out of Redis, variants too, and in place of what was there',
      { skip: noRedis },
      async (t) => {
        const redis = await startRedis(t);
        const store = redisStore({ url: redis.url, timeout: '20s' });
        t.after(() => store.close());
        const { port, ask, asked } = await make(
          t,
          (req, res) => {
            res.set({ 'Cache-Control': 'max-age=60', 'Content-Location': req.originalUrl });
            if (req.url === '/varies') res.set('Vary', 'X-Lang');
            res.send(`by ${req.method}`);
          },
          { cache: { methods: ['GET', 'HEAD', 'POST'], store } },
        );
        const headers = { Host: `127.0.0.1:${port}`, 'X-Lang': 'de' };
        for (const path of ['/plain', '/varies']) {
          await ask(path, { headers });
          await until(
            async () => statusOf(await ask(path, { headers })) === 'sekisho; hit',
            'a hit',
          );
          const before = asked.length;
          const posted = await ask(path, { method: 'POST', headers });
          assert.equal(statusOf(posted), 'sekisho; fwd=method; stored');
          // Whoever asked the server before it is stored would put his own answer in its place.
          const patient = { ...headers, 'Cache-Control': 'only-if-cached' };
          await until(
            async () => (await ask(path, { headers: patient })).body === 'by POST',
            'it serves GET',
          );
          assert.equal(asked.length, before + 1);
          assert.equal(statusOf(await ask(path, { headers })), 'sekisho; hit');
        }
      },
    );

    for (const [what, headers, host] of [
      ['the host that clients see', { 'X-Forwarded-Host': 'shop.example' }, 'shop.example'],
      ["the server's own", { 'X-Forwarded-Host': 'shop.example' }, 'inside.test:81'],
      ['no port, and there is one', { 'X-Forwarded-Host': 'shop.example:8080' }, undefined],
      ['a path below that host', { 'X-Forwarded-Proto': 'https' }, undefined],
    ] as const)
      test(`Location and Content-Location by ${what}`, async (t) => {
        const { ask } = await make(t, (req, res) => {
          const scheme = req.get('x-forwarded-proto') ?? 'http';
          const base = host === undefined ? prefix : `${scheme}://${host}${prefix}`;
          if (req.method === 'GET') res.set('Cache-Control', 'max-age=60').send('x');
          else res.set({ Location: `${base}/b?x`, 'Content-Location': `${base}/c` }).send('');
        });
        const all = { Host: 'inside.test:81', ...headers };
        for (const path of ['/a', '/b?x', '/c', '/d']) await ask(path, { headers: all });
        await ask('/a', { method: 'POST', headers: all });
        const hits = [];
        for (const path of ['/a', '/b?x', '/c', '/d'])
          if (statusOf(await ask(path, { headers: all })) === 'sekisho; hit') hits.push(path);
        assert.deepEqual(hits, ['/d']);
      });
  });
