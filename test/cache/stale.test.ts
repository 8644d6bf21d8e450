import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Response } from 'express';
import { until } from '../support/servers.ts';
import { sites, statusOf, stillClock, type MakeSite } from './support.ts';

const make = sites['balancedProxy at the root']!;

describe('stale answers', () => {
  test('stale-while-revalidate: all are answered at once, and the origin is asked once', async (t) => {
    const clock = stillClock(t);
    const held: Response[] = [];
    const { ask, asked } = await make(t, (_req, res) => {
      res.set({ 'Cache-Control': 'max-age=10, stale-while-revalidate=60', Date: clock.date() });
      if (asked.length === 1) res.send('old');
      else held.push(res);
    });
    await ask('/');
    clock.forward(20);
    const answers = await Promise.all([ask('/'), ask('/'), ask('/')]);
    assert.deepEqual(
      answers.map(({ body }) => body),
      ['old', 'old', 'old'],
    );
    assert.equal(answers[0].headers['cache-status'], 'sekisho; hit; ttl=-10');
    assert.equal(asked.length, 2);
    held[0]?.send('new');
    await until(async () => (await ask('/')).body === 'new', 'the new one is there');
    assert.equal(asked.length, 2);
  });

  test('in front of a handler one of them waits for its head, and nobody for its body', async (t) => {
    const clock = stillClock(t);
    const held: Response[] = [];
    const site = await (sites['a handler under a prefix'] as MakeSite)(t, (_req, res) => {
      res.set('Cache-Control', 'max-age=10, stale-while-revalidate=60');
      if (site.asked.length === 1) res.send('old');
      else held.push(res);
    });
    await site.ask('/');
    clock.forward(20);
    const refreshing = site.ask('/');
    await until(() => held.length === 1, 'the handler is asked');
    const others = await Promise.all([site.ask('/'), site.ask('/')]);
    held[0]?.write('ne');
    for (const answer of [...others, await refreshing]) assert.equal(answer.body, 'old');
    held[0]?.end('w');
    await until(async () => (await site.ask('/')).body === 'new', 'the new one is there');
    assert.equal(site.asked.length, 2);
  });

  test('the same when nobody without credentials asks', async (t) => {
    const clock = stillClock(t);
    const held: Response[] = [];
    const { ask, asked } = await make(t, (_req, res) => {
      res.set({
        'Cache-Control': 'public, max-age=10, stale-while-revalidate=60',
        Date: clock.date(),
      });
      if (asked.length === 1) res.send('old');
      else held.push(res);
    });
    const headers = { Authorization: 'Basic eDp5' };
    await ask('/', { headers });
    clock.forward(20);
    for (let round = 0; round < 3; round++) assert.equal((await ask('/', { headers })).body, 'old');
    assert.equal(asked.length, 2);
    held[0]?.send('new');
  });

  for (const [control, status, what] of [
    ['max-age=10, stale-if-error=60', 200, 'stale-if-error'],
    ['max-age=10', 503, 'nothing'],
    ['max-age=10, stale-if-error=60, must-revalidate', 503, 'must-revalidate'],
    ['s-maxage=10, stale-if-error=60', 503, 's-maxage'],
  ] as const)
    test(`a 503 of the origin and ${what}: ${status}`, async (t) => {
      const clock = stillClock(t);
      const { ask, asked } = await make(t, (_req, res) => {
        if (asked.length > 1) res.status(503).send('down');
        else res.set({ 'Cache-Control': control, ETag: '"1"', Date: clock.date() }).send('old');
      });
      await ask('/');
      clock.forward(20);
      const answer = await ask('/');
      assert.deepEqual([answer.status, answer.body], [status, status === 200 ? 'old' : 'down']);
      assert.match(statusOf(answer), /^sekisho; fwd=stale/);
    });

  const stale = 'fwd=stale; stored';
  const request = 'fwd=request; stored';
  for (const [control, after, asks, expected] of [
    ['max-age=10', 5, 'max-stale', 'hit'],
    ['max-age=10', 15, 'max-stale', 'hit'],
    ['max-age=10', 15, 'max-stale=10', 'hit'],
    ['max-age=10', 15, 'max-stale=5', 'hit'],
    ['max-age=10', 16, 'max-stale=5', stale],
    ['max-age=10', 15, 'max-stale=5, max-age=15', 'hit'],
    ['max-age=10', 15, 'max-stale=5, max-age=14', request],
    ['max-age=10', 15, 'max-stale=x', stale],
    ['max-age=10, must-revalidate', 15, 'max-stale', stale],
    ['max-age=10, proxy-revalidate', 15, 'max-stale', stale],
    ['s-maxage=10', 15, 'max-stale', stale],
    ['max-age=10, no-cache', 5, 'max-stale', stale],
    ['max-age=10', 5, 'min-fresh=5', 'hit'],
    ['max-age=10', 6, 'min-fresh=5', request],
    ['max-age=10', 5, 'min-fresh=x', request],
    ['max-age=10', 5, 'max-age=5', 'hit'],
    ['max-age=10', 6, 'max-age=5', request],
    ['max-age=10', 0, 'max-age=0', request],
  ] as const)
    test(`${control}, ${after} seconds old, and the client asks ${asks}: ${expected}`, async (t) => {
      const clock = stillClock(t);
      const { ask, asked } = await make(t, (_req, res) => {
        res.set({ 'Cache-Control': control, ETag: `"${asked.length}"`, Date: clock.date() });
        res.send(`answer ${asked.length}`);
      });
      await ask('/');
      clock.forward(after);
      const answer = await ask('/', { headers: { 'Cache-Control': asks } });
      assert.equal(statusOf(answer), `sekisho; ${expected}`);
      assert.equal(answer.body, expected === 'hit' ? 'answer 1' : 'answer 2');
    });

  for (const [control, status] of [
    ['max-age=10', 200],
    ['max-age=10, must-revalidate', 502],
  ] as const)
    test(`the origin cannot be reached, and ${control}: ${status}`, async (t) => {
      const clock = stillClock(t);
      const { ask, asked } = await make(t, (_req, res) => {
        if (asked.length > 1) res.destroy();
        else res.set({ 'Cache-Control': control, ETag: '"1"', Date: clock.date() }).send('old');
      });
      await ask('/');
      clock.forward(20);
      assert.equal((await ask('/')).status, status);
    });
});
