/** Ranges of what is there, on the way, or not there: parts are cut out of whole answers, and never stored themselves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Request, RequestHandler, Response } from 'express';
import { until } from '../support/servers.ts';
import { sites, statusOf, type Answer, type Ask, type Origin } from './support.ts';

const cut: Ask = { headers: { Range: 'bytes=2-4' } };
const stored = 'sekisho; fwd=uri-miss; stored';
const collapsed = 'sekisho; fwd=uri-miss; collapsed';

/** Gives parts, as a server for files does. */
const files: Origin = (req, res) => {
  res.set({ 'Cache-Control': 'public, max-age=60', ETag: '"1"' });
  if (req.get('range') === undefined) whole(res);
  else part(res);
};

function whole(res: Response): void {
  res.set('Content-Length', '10').end('0123456789');
}

function part(res: Response): void {
  res.status(206).set('Content-Range', 'bytes 2-4/10').end('234');
}

function seen({ status, body, headers }: Answer): unknown {
  return [status, body, headers['content-range']];
}

const partSeen = [206, '234', 'bytes 2-4/10'];
const wholeSeen = [200, '0123456789', undefined];

for (const [where, make] of Object.entries(sites))
  describe(`ranges in front of ${where}`, () => {
    test('what is not there is fetched whole, for whoever wants it or other parts of it', async (t) => {
      const held: (readonly [Request, Response])[] = [];
      let come = 0;
      const counting: RequestHandler = (_req, _res, next) => {
        come += 1;
        next();
      };
      const { ask } = await make(t, (req, res) => held.push([req, res]), { before: [counting] });
      const waiting = [ask('/', cut), ask('/'), ask('/', { headers: { Range: 'bytes=8-' } })];
      await until(() => come === 3 && held.length > 0, 'one is asked for all');
      for (const [req, res] of held) files(req, res);
      const answers = await Promise.all(waiting);
      assert.deepEqual(answers.map(seen), [partSeen, wholeSeen, [206, '89', 'bytes 8-9/10']]);
      assert.deepEqual(answers.map(statusOf).toSorted(), [collapsed, collapsed, stored]);
      assert.deepEqual(seen(await ask('/', cut)), partSeen);
      assert.equal(held.length, 1);
    });

    test('RFC 9111 §3.3: a part is neither stored nor combined with others, asked for or not', async (t) => {
      const { ask, asked } = await make(t, (_req, res) => {
        res.set({ 'Cache-Control': 'max-age=60', ETag: '"1"' });
        part(res);
      });
      for (const how of [{}, cut, {}, { headers: { Range: 'bytes=0-1' } }]) {
        const answer = await ask('/', how);
        assert.deepEqual(seen(answer), partSeen);
        assert.equal(statusOf(answer), 'sekisho; fwd=uri-miss; detail=partial');
      }
      assert.equal(asked.length, 4);
    });

    test('what is too large is asked for in parts from the second request on', async (t) => {
      const ranges: (string | undefined)[] = [];
      const { ask } = await make(
        t,
        (req, res) => {
          ranges.push(req.get('range'));
          files(req, res);
        },
        { cache: { maxEntrySize: 5 } },
      );
      for (const detail of ['too-large', 'partial', 'partial']) {
        const answer = await ask('/', cut);
        assert.deepEqual(seen(answer), partSeen);
        assert.equal(statusOf(answer), `sekisho; fwd=uri-miss; detail=${detail}`);
      }
      assert.deepEqual(ranges, [undefined, 'bytes=2-4', 'bytes=2-4']);
    });

    test('those who have waited for what cannot be stored ask for their parts', async (t) => {
      const ranges: (string | undefined)[] = [];
      const held: Response[] = [];
      let come = 0;
      const counting: RequestHandler = (_req, _res, next) => {
        come += 1;
        next();
      };
      const { ask } = await make(
        t,
        (req, res) => {
          ranges.push(req.get('range'));
          if (ranges.length === 1) held.push(res);
          else part(res);
        },
        { before: [counting] },
      );
      const waiting = [ask('/', cut), ask('/', cut), ask('/', cut)];
      await until(() => come === 3 && held.length > 0, 'one is asked for all');
      for (const res of held) whole(res.set('Cache-Control', 'private'));
      const answers = await Promise.all(waiting);
      assert.deepEqual(answers.map(seen), [partSeen, partSeen, partSeen]);
      assert.deepEqual(ranges, [undefined, 'bytes=2-4', 'bytes=2-4']);
    });

    for (const [whose, own] of [
      ['with credentials', { Authorization: 'Basic eDp5' }],
      ['that says no-store', { 'Cache-Control': 'no-store' }],
    ] as const)
      test(`the part for a request ${whose} is its own: the next one fetches the whole`, async (t) => {
        const { ask, asked } = await make(t, files);
        const first = await ask('/', { headers: { ...own, Range: 'bytes=2-4' } });
        assert.deepEqual(seen(first), partSeen);
        assert.equal(statusOf(first), 'sekisho; fwd=uri-miss; detail=partial');
        assert.equal(statusOf(await ask('/', cut)), stored);
        assert.equal(statusOf(await ask('/', cut)), 'sekisho; hit');
        assert.equal(asked.length, 2);
      });
  });
