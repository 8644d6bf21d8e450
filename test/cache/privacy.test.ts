import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHandler } from 'express';
import { contextOf } from '../../lib/core/context.ts';
import { sites, statusOf, type MakeSite, type Origin } from './support.ts';

const consumes: RequestHandler = (req, _res, next) => {
  contextOf(req).consume.add('authorization');
  next();
};
const identifies: RequestHandler = (req, _res, next) => {
  contextOf(req).identity = ['X-User', String(req.get('x-login'))];
  next();
};

for (const [where, make] of Object.entries(sites))
  describe(`nobody gets what is another's in front of ${where}`, () => {
    test('what a gate has consumed leaves the request cacheable', async (t) => {
      const { ask, asked } = await make(
        t,
        (_req, res) => void res.set('Cache-Control', 'max-age=60').send('x'),
        { before: [consumes] },
      );
      await ask('/', { headers: { Authorization: 'Basic eDp5' } });
      const other = await ask('/', { headers: { Authorization: 'Basic YTpi' } });
      assert.equal(statusOf(other), 'sekisho; hit');
      assert.equal(asked.length, 1);
    });

    test('an identity a gate tells the origin makes the answer one user’s', async (t) => {
      const { ask } = await make(
        t,
        (_req, res) => void res.set('Cache-Control', 'max-age=60').send('x'),
        { before: [identifies] },
      );
      const answer = await ask('/');
      assert.equal(statusOf(answer), 'sekisho; fwd=uri-miss; detail=authorization');
    });

    test('an assumed answer is not for requests with cookies or credentials', async (t) => {
      const { ask, asked } = await make(
        t,
        (req, res) => void res.send(req.get('cookie') ?? 'nobody'),
        {
          cache: { ttl: '1m' },
        },
      );
      assert.equal((await ask('/')).body, 'nobody');
      assert.equal((await ask('/', { headers: { Cookie: 'user=a' } })).body, 'user=a');
      assert.equal((await ask('/', { headers: { Authorization: 'Basic eDp5' } })).status, 200);
      assert.equal((await ask('/')).body, 'nobody');
      assert.equal(asked.length, 3);
    });

    test('nor is one that is stale, or was waited for', async (t) => {
      const { ask } = await make(
        t,
        (req, res) => {
          setTimeout(() => {
            if (req.get('if-none-match') !== undefined) res.status(304).end();
            else res.set('ETag', '"1"').send(req.get('cookie') ?? 'nobody');
          }, 20);
        },
        { cache: { ttl: 1 } },
      );
      await ask('/');
      await new Promise((resolve) => setTimeout(resolve, 5));
      const [anonymous, known] = await Promise.all([
        ask('/'),
        ask('/', { headers: { Cookie: 'user=a' } }),
      ]);
      assert.deepEqual([anonymous.body, known.body], ['nobody', 'user=a']);
    });

    test('a list of cookies is part of the key', async (t) => {
      const { ask, asked } = await make(t, (req, res) => void res.send(req.get('cookie')), {
        cache: { ttl: '1m', cookies: ['lang'] },
      });
      assert.equal(
        (await ask('/', { headers: { Cookie: 'lang=de; id=1' } })).body,
        'lang=de; id=1',
      );
      assert.equal(
        (await ask('/', { headers: { Cookie: 'id=2; lang=de' } })).body,
        'lang=de; id=1',
      );
      assert.equal((await ask('/', { headers: { Cookie: 'lang=en' } })).body, 'lang=en');
      assert.equal(asked.length, 2);
    });

    test('two hosts and two schemes are four keys, spelling is none', async (t) => {
      const { ask, asked } = await make(
        t,
        (_req, res) => void res.set('Cache-Control', 'max-age=60').send('x'),
      );
      for (const [host, proto] of [
        ['a.example', 'http'],
        ['A.Example', 'http'],
        ['b.example', 'http'],
        ['a.example', 'https'],
        ['b.example', 'https'],
      ] as const)
        await ask('/', { headers: { Host: host, 'X-Forwarded-Proto': proto } });
      assert.equal(asked.length, 4);
    });

    test('appendKey keeps tenants apart; what is no text is an error', async (t) => {
      const origin = (
        req: Parameters<RequestHandler>[0],
        res: Parameters<RequestHandler>[1],
      ): void => void res.send(req.get('x-tenant'));
      const { ask, asked } = await make(t, origin, {
        cache: { ttl: '1m', appendKey: (req) => String(req.get('x-tenant')) },
      });
      for (const tenant of ['a', 'b', 'a'])
        assert.equal((await ask('/', { headers: { 'X-Tenant': tenant } })).body, tenant);
      assert.equal(asked.length, 2);
      const wrong = await make(t, origin, {
        cache: { ttl: '1m', appendKey: (() => Promise.resolve('a')) as never },
      });
      assert.equal((await wrong.ask('/')).body, 'error ERR_SEKISHO_HOOK');
      const promised = await make(t, origin, {
        cache: { ttl: '1m', when: (() => Promise.resolve(false)) as never },
      });
      assert.equal((await promised.ask('/')).body, 'error ERR_SEKISHO_HOOK');
    });
  });

test('Vary by a field that the forwarder sets is not stored', async (t) => {
  const { ask } = await sites['balancedProxy at the root']!(t, (_req, res) => {
    res.set({ 'Cache-Control': 'max-age=60', Vary: 'X-Forwarded-For' }).send('x');
  });
  assert.equal(statusOf(await ask('/')), 'sekisho; fwd=uri-miss; detail=vary-inside');
});

const saying: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-store');
  next();
};
const answers: Readonly<Record<string, Origin>> = {
  'says nothing': (_req, res) => void res.send('x'),
  'says otherwise': (_req, res) => void res.set('Cache-Control', 'max-age=60').send('x'),
  'takes it away': (_req, res) => {
    res.removeHeader('Cache-Control');
    res.send('x');
  },
};
// What the client of the first one was told.
for (const [where, what, control, second] of [
  ['a handler under a prefix', 'says nothing', 'no-store', 'fwd=uri-miss; detail=no-store'],
  ['a handler under a prefix', 'says otherwise', 'max-age=60', 'hit'],
  ['a handler under a prefix', 'takes it away', undefined, 'hit'],
  ['balancedProxy at the root', 'says otherwise', 'no-store', 'fwd=uri-miss; detail=no-store'],
] as const)
  test(`no-store was said in front of the cache, and ${where} ${what}`, async (t) => {
    const { ask } = await (sites[where] as MakeSite)(t, answers[what] as Origin, {
      before: [saying],
      cache: { ttl: '1m' },
    });
    const first = await ask('/');
    const again = await ask('/');
    assert.equal(first.headers['cache-control'], control);
    assert.equal(statusOf(again), `sekisho; ${second}`);
    assert.equal(again.headers['cache-control'], control);
  });
