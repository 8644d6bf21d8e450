/**
 * Fields that middlewares in front of the cache set, and that the answer has as well or a handler of the app has taken
 * away: a hit shows what the miss showed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHandler, Response } from 'express';
import { balancedProxy } from '../../lib/balanced-proxy/index.ts';
import { cache, redisStore } from '../../lib/cache/index.ts';
import { wrapping } from '../core/local-support.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { turns, until } from '../support/servers.ts';
import {
  appOf,
  send,
  sites,
  statusOf,
  stillClock,
  type Answer,
  type Ask,
  type MakeSite,
  type Origin,
} from './support.ts';

const outer: RequestHandler = (_req, res, next) => {
  res.set({ 'X-Frame-Options': 'DENY', 'X-Only-Outer': '1', Vary: 'Origin', Link: '<outer>' });
  res.set({ 'X-Unwanted': '1', 'Server-Timing': 'outer' });
  res.append('Set-Cookie', 'seen=1');
  next();
};

function page(res: Response): void {
  res.set({ 'X-Frame-Options': 'SAMEORIGIN', 'Content-Type': 'text/plain', ETag: '"1"' });
  res.set('Cache-Control', 'max-age=10, stale-if-error=60').vary('Accept').append('Link', '<own>');
  res.set({ 'Content-Length': '10', 'Server-Timing': 'own' });
  // Of a handler of the app this takes away what was set outside, of a server it does nothing.
  res.removeHeader('X-Unwanted');
  res.end('0123456789');
}

/** What a failure takes away is back on the answer that stands in for it. */
function fail(res: Response): void {
  res.removeHeader('X-Only-Outer');
  res.removeHeader('Vary');
  res.status(503).set('Link', '<failed>').end();
}

const origin: Origin = (req, res) => {
  if (req.get('if-none-match') === '"1"') res.status(304).set('ETag', '"1"').end();
  else page(res);
};

/** Without what tells of the time and of the cache. */
function comparable({ status, headers, body }: Answer): object {
  const { date, age, connection, 'cache-status': told, ...rest } = headers;
  assert.ok(date !== undefined && told !== undefined, `${String(connection)} ${age ?? ''}`);
  return { status, body, ...rest };
}

/** A server's 404 falls through, and a handler of the app answers in its place. */
const fallThrough: MakeSite = async (t, answer, { cache: options, before = [] } = {}) => {
  const { url } = await appOf(t, [(_req, res) => void res.status(404).end()]);
  const asked: string[] = [];
  const own = cache(options);
  const next: RequestHandler = (req, res) => {
    asked.push(`${req.method} ${req.url}`);
    answer(req, res);
  };
  const { port } = await appOf(t, [
    ...before,
    own,
    balancedProxy(url, { fallthrough: [404] }),
    next,
  ]);
  return { port, cache: own, asked, ask: (path, ask) => send(port, path, ask) };
};

/** A middleware between the cache and a forwarder does what a handler would. */
const unwrapping: MakeSite = async (t, answer, options) => {
  const make = sites['balancedProxy at the root'] as MakeSite;
  return make(t, answer, {
    ...options,
    behind: [
      (_req, res, next) => {
        res.removeHeader('X-Unwanted');
        next();
      },
    ],
  });
};

/** Another wrapper with a response of its own: what the handler takes away it takes from what both see. */
const inLayers: MakeSite = async (t, answer, options) => {
  const make = sites['a handler under a prefix'] as MakeSite;
  return make(t, answer, {
    ...options,
    behind: [
      (_req, res, next) => {
        res.set('X-Between', '1');
        next();
      },
      wrapping((dispatch) => dispatch),
    ],
  });
};

/** Of `X-Frame-Options`, `X-Unwanted` and `Server-Timing` what the client gets. */
type Shown = readonly [frames: string, unwanted: string | undefined, timing: string];
const fromOutside: Shown = ['DENY', '1', 'outer, own'];
const ofHandler: Shown = ['SAMEORIGIN', undefined, 'own'];

const scenes: Readonly<Record<string, readonly [MakeSite, Shown]>> = {
  'balancedProxy: the outer one': [sites['balancedProxy at the root'] as MakeSite, fromOutside],
  'a handler: its own': [sites['a handler under a prefix'] as MakeSite, ofHandler],
  'a handler behind another wrapper: its own': [inLayers, ofHandler],
  'a handler behind a fallthrough: its own': [fallThrough, ofHandler],
  'a handler behind a middleware that takes fields away': [
    unwrapping,
    ['DENY', undefined, 'outer, own'],
  ],
};

const asks: Readonly<Record<string, Ask>> = {
  GET: {},
  HEAD: { method: 'HEAD' },
  'If-None-Match': { headers: { 'If-None-Match': '"1"' } },
  'a range': { headers: { Range: 'bytes=2-4' } },
  'a range beyond': { headers: { Range: 'bytes=20-' } },
};

for (const [what, [make, shown]] of Object.entries(scenes))
  describe(`what is set outside, too, of ${what}`, () => {
    for (const [how, ask] of Object.entries(asks))
      test(`${how}: a hit is as the miss`, async (t) => {
        stillClock(t);
        const whole: Origin = (_req, res) => {
          page(res);
        };
        const cold = await make(t, whole, { before: [outer] });
        const warm = await make(t, whole, { before: [outer] });
        await warm.ask('/');
        const expected = await cold.ask('/', ask);
        const hit = await warm.ask('/', ask);
        assert.match(statusOf(hit), /^sekisho; hit/);
        assert.deepEqual(comparable(hit), comparable(expected));
        const { headers } = hit;
        if (expected.status === 200)
          assert.deepEqual(
            [headers['x-frame-options'], headers['x-unwanted'], headers['server-timing']],
            shown,
          );
        assert.equal(hit.headers['x-only-outer'], '1');
      });

    test('so are those that waited, a revalidated one, and one in place of a failure', async (t) => {
      const clock = stillClock(t);
      const held: Response[] = [];
      let down = false;
      const { ask, asked } = await make(
        t,
        (req, res) => {
          if (down) fail(res);
          else if (held.length === 0) held.push(res);
          else origin(req, res);
        },
        { before: [outer] },
      );
      const waiting = [ask('/'), ask('/'), ask('/')];
      await until(() => held.length === 1, 'one is asked for all');
      await turns();
      page(held[0] as Response);
      const [first, ...others] = (await Promise.all(waiting)).map(comparable);
      for (const other of others) assert.deepEqual(other, first);
      clock.forward(20);
      const revalidated = await ask('/');
      assert.match(statusOf(revalidated), /^sekisho; fwd=stale(?:; fwd-status=304)?; stored$/);
      assert.deepEqual(comparable(revalidated), first);
      down = true;
      clock.forward(20);
      const standIn = await ask('/');
      assert.equal(statusOf(standIn), 'sekisho; fwd=stale; fwd-status=503');
      assert.deepEqual(comparable(standIn), first);
      assert.equal(asked.length, 3);
    });

    test('so is a hit out of Redis', { skip: noRedis }, async (t) => {
      const redis = await startRedis(t);
      const store = redisStore({ url: redis.url, timeout: '20s' });
      t.after(() => store.close());
      const { ask } = await make(t, origin, { before: [outer], cache: { store } });
      const miss = await ask('/');
      await until(async () => statusOf(await ask('/')) === 'sekisho; hit', 'it is stored');
      assert.deepEqual(comparable(await ask('/')), comparable(miss));
    });
  });
