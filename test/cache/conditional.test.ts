import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Request, Response } from 'express';
import { sites, statusOf, stillClock, type Ask } from './support.ts';

const modified = 'Thu, 01 Jan 2015 00:00:00 GMT';

function page(_req: Request, res: Response): void {
  res.set({
    'Cache-Control': 'max-age=60',
    ETag: '"1"',
    'Last-Modified': modified,
    Date: new Date().toUTCString(),
  });
  res.end('0123456789');
}

const rows: Readonly<
  Record<string, readonly [headers: Ask['headers'], status: number, body: string, range?: string]>
> = {
  'If-None-Match': [{ 'If-None-Match': '"0", W/"1"' }, 304, ''],
  'another tag': [{ 'If-None-Match': '"2"', 'If-Modified-Since': modified }, 200, '0123456789'],
  'If-Modified-Since': [{ 'If-Modified-Since': modified }, 304, ''],
  'a range': [{ Range: 'bytes=2-4' }, 206, '234', 'bytes 2-4/10'],
  'a suffix': [{ Range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
  'an open range': [{ Range: 'bytes=8-' }, 206, '89', 'bytes 8-9/10'],
  'a range beyond': [{ Range: 'bytes=10-' }, 416, '', 'bytes */10'],
  'several ranges': [{ Range: 'bytes=0-1,4-5' }, 200, '0123456789'],
  'a malformed range': [{ Range: 'bytes=4-2' }, 200, '0123456789'],
  'If-Range that holds': [{ Range: 'bytes=0-0', 'If-Range': '"1"' }, 206, '0', 'bytes 0-0/10'],
  'If-Range that does not': [{ Range: 'bytes=0-0', 'If-Range': '"2"' }, 200, '0123456789'],
};

for (const [where, make] of Object.entries(sites))
  describe(`conditions and ranges in front of ${where}`, () => {
    for (const [what, [headers, status, body, range]] of Object.entries(rows))
      test(`${what}: on a cold cache, which it fills, and on a hit`, async (t) => {
        const { ask, asked } = await make(t, (req, res) => {
          page(req, res.set('Content-Length', '10'));
        });
        for (const round of ['miss', 'hit']) {
          const answer = await ask('/', { headers: headers ?? {} });
          assert.deepEqual(
            [answer.status, answer.body, answer.headers['content-range']],
            [status, body, range],
            round,
          );
        }
        assert.equal(statusOf(await ask('/')), 'sekisho; hit');
        assert.equal(asked.length, 1);
      });

    test('uncacheable answers are judged by who asks, too', async (t) => {
      const { ask } = await make(t, (_req, res) => {
        res.set({ 'Cache-Control': 'no-store', 'Content-Length': '10' }).end('0123456789');
      });
      const part = await ask('/', { headers: { Range: 'bytes=2-4' } });
      assert.deepEqual([part.status, part.body], [206, '234']);
    });
  });

describe('validation of what is stale', () => {
  const make = sites['balancedProxy at the root']!;

  test('a 304 updates what is stored', async (t) => {
    const clock = stillClock(t);
    let changed = 0;
    const { ask, asked } = await make(t, (req, res) => {
      res.set({
        'Cache-Control': 'max-age=10',
        ETag: '"1"',
        'X-Count': String(++changed),
        Date: clock.date(),
      });
      if (req.get('if-none-match') === '"1"') res.status(304).end();
      else res.end('body');
    });
    await ask('/');
    clock.forward(20);
    const second = await ask('/');
    assert.deepEqual([second.status, second.body, second.headers['x-count']], [200, 'body', '2']);
    assert.equal(statusOf(second), 'sekisho; fwd=stale; fwd-status=304; stored');
    const third = await ask('/');
    assert.deepEqual([statusOf(third), third.headers['x-count']], ['sekisho; hit', '2']);
    assert.equal(asked.length, 2);
  });

  const mine = { 'X-Lang': 'de', 'X-Theme': 'dark' };
  for (const [first, later, other, found] of [
    ['nothing', 'X-Lang', { 'X-Lang': 'en' }, false],
    ['X-Lang', 'X-Lang, X-Theme', { ...mine, 'X-Theme': 'light' }, false],
    ['X-Lang', '*', mine, false],
    ['X-Lang, X-Theme', 'X-Lang', { ...mine, 'X-Theme': 'light' }, false],
    ['X-Lang, X-Theme', 'X-Lang', mine, true],
    ['X-Lang', 'x-lang', mine, true],
  ] as const)
    test(`RFC 9111 §4.1: it varies by ${first}, and by ${later} since a 304: ${JSON.stringify(other)} finds it: ${found}`, async (t) => {
      const clock = stillClock(t);
      const { ask, asked } = await make(t, (_req, res) => {
        const vary = asked.length === 1 ? first : later;
        if (vary !== 'nothing') res.set('Vary', vary);
        res.set({ 'Cache-Control': 'max-age=10', ETag: '"1"', Date: clock.date() });
        if (asked.length === 2) res.status(304).end();
        else res.send(`body ${asked.length}`);
      });
      await ask('/', { headers: mine });
      clock.forward(20);
      assert.equal((await ask('/', { headers: mine })).body, 'body 1');
      assert.equal((await ask('/', { headers: other })).body, found ? 'body 1' : 'body 3');
    });

  test('the tags that a 304 brings are those it is cleared by', async (t) => {
    const clock = stillClock(t);
    const { ask, asked, cache } = await make(t, (req, res) => {
      res.set({ 'Cache-Control': 'max-age=10', ETag: '"1"', Date: clock.date() });
      if (req.get('if-none-match') === '"1"') res.set('Cache-Tag', 'new').status(304).end();
      else res.set('Cache-Tag', 'old').send('body');
    });
    await ask('/');
    clock.forward(20);
    await ask('/');
    assert.equal(asked.length, 2);
    assert.equal(await cache.clear('old'), 0);
    assert.equal(statusOf(await ask('/')), 'sekisho; hit');
    assert.equal(await cache.clear('new'), 1);
    assert.equal(statusOf(await ask('/')), 'sekisho; fwd=uri-miss; stored');
  });

  test('a 304 that speaks of another answer is followed by a full request', async (t) => {
    const clock = stillClock(t);
    const { ask, asked } = await make(t, (req, res) => {
      res.set({ 'Cache-Control': 'max-age=10', ETag: asked.length === 1 ? '"1"' : '"2"' });
      if (req.get('if-none-match') !== undefined) res.status(304).end();
      else res.end(`body ${asked.length}`);
    });
    await ask('/');
    clock.forward(20);
    const second = await ask('/');
    assert.deepEqual([second.status, second.body, asked.length], [200, 'body 3', 3]);
    assert.equal((await ask('/')).body, 'body 3');
  });

  test('HEAD shows that what is stored no longer holds', async (t) => {
    const clock = stillClock(t);
    let tag = '"1"';
    const { ask, asked } = await make(t, (req, res) => {
      res.set({ 'Cache-Control': 'max-age=10', ETag: tag }).end(req.method === 'HEAD' ? '' : tag);
    });
    await ask('/');
    clock.forward(20);
    tag = '"2"';
    await ask('/', { method: 'HEAD' });
    await ask('/');
    assert.deepEqual(asked, ['GET /', 'HEAD /', 'GET /']);
    assert.equal((await ask('/')).body, '"2"');
  });
});
