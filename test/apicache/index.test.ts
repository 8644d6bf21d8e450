import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import express from 'express';
import apicache, { apicache as named, type ApicacheOptions } from '../../lib/apicache/index.ts';
import { OptionsError } from '../../lib/core/errors.ts';
import { useClock } from '../../lib/core/clock.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { listen, until } from '../support/servers.ts';

test('require() gives the instance itself, as import does', () => {
  const required: unknown = createRequire(import.meta.url)('../../lib/apicache/index.ts');
  assert.equal(required, apicache);
  assert.equal(named, apicache);
});

for (const [options, problem] of [
  [{ enabeld: false }, /unknown option 'enabeld'; did you mean 'enabled'\?/],
  [{ defaultDuration: '1 huor' }, /defaultDuration: '1 huor' is no duration/],
  [{ statusCodes: { include: ['200'] } }, /statusCodes.include.0: '200' is not allowed/],
  [{ redisClient: { hgetall: () => undefined } }, /redisClient: an object is no client/],
  [{ headers: { 'x y': '1' } }, /'x y'|headers/],
  [{ headers: { x: 'a\r\nb' } }, /headers.x: .* is no value of a field/],
  [{ headerBlacklist: ['a:'] }, /headerBlacklist.0: 'a:' is no name of a field/],
  [{ cookies: 'all' }, /cookies: 'all' is not allowed/],
  [{ appendKey: 'user' }, /appendKey/],
] as const)
  test(`refuses the options ${JSON.stringify(options)}, and keeps those it had`, () => {
    const api = apicache.newInstance();
    const wrong = options as unknown as ApicacheOptions;
    const isTold = (error: unknown): boolean =>
      error instanceof OptionsError && problem.test(error.message);
    const before = api.options();
    assert.throws(() => api.options(wrong), isTold);
    assert.throws(() => api.middleware('5 minutes', null, wrong), isTold);
    assert.deepEqual(api.options(), before);
  });

test('refuses a misspelt duration and a toggle that is no function', () => {
  const api = apicache.newInstance();
  assert.throws(() => api.middleware('5 mintues'), /'5 mintues' is no duration/);
  assert.throws(() => api.middleware('5 minutes', true as never), /toggle: true is not a function/);
});

test('events.expire hears of a key whose time is over', async (t) => {
  let now = Date.now();
  let tick: (() => void) | undefined;
  const every = (_milliseconds: number, callback: () => void): (() => void) => {
    tick = callback;
    return () => (tick = undefined);
  };
  t.after(useClock({ now: () => now, every }));
  const expired: string[] = [];
  const api = apicache.newInstance({ events: { expire: (_value, key) => expired.push(key) } });
  const app = express();
  app.use(api.middleware('5 minutes'), (_req, res) => void res.send('x'));
  const { url } = await listen(t, app);
  await (await fetch(`${url}/a`)).text();
  tick?.();
  assert.deepEqual(expired, []);
  now += 300_001;
  tick?.();
  assert.deepEqual(expired, ['/a']);
  assert.equal(tick, undefined);
});

test(
  'redisClient: two instances share what is stored and cleared',
  { skip: noRedis },
  async (t) => {
    const redis = await startRedis(t);
    const [one, two] = [
      apicache.newInstance({ redisClient: await redis.client() }),
      apicache.newInstance({ redisClient: await redis.client() }),
    ];
    let counted = 0;
    const urls: string[] = [];
    const app = express();
    // One URL is one key: both answer at the same place.
    app.use(
      (req, res, next) => {
        (req.headers['x-two'] === undefined ? cachedByOne : cachedByTwo)(req, res, next);
      },
      (req, res) => {
        req.apicacheGroup = 'posts';
        res.send(String(++counted));
      },
    );
    const cachedByOne = one.middleware('5 minutes');
    const cachedByTwo = two.middleware('5 minutes');
    urls.push((await listen(t, app)).url);
    const get = async (headers: Record<string, string> = {}): Promise<[string, string | null]> => {
      const answer = await fetch(`${urls[0]!}/a`, { headers });
      return [await answer.text(), answer.headers.get('apicache-store')];
    };
    assert.deepEqual(await get(), ['1', null]);
    await until(
      async () => (await get({ 'x-two': '1' }))[1] === 'redis',
      'two finds what one stored',
    );
    const stored = (await get())[0];
    assert.deepEqual(one.getIndex('posts'), ['/a']);
    two.clear('posts');
    await until(async () => (await get())[0] !== stored, 'a group is gone for both');
    const again = (await get({ 'x-two': '1' }))[0];
    two.clear('/a');
    await until(async () => (await get())[0] !== again, 'a key is gone for both');
  },
);
