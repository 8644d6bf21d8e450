/** Middlewares that everybody has, in front of the cache and behind it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import compression from 'compression';
import type { RequestHandler } from 'express';
import session from 'express-session';
import helmet from 'helmet';
import { sites, statusOf, type Answer, type Origin } from './support.ts';

const text = 'the same words again and again, '.repeat(100);
const page: Origin = (_req, res) =>
  void res.set('Cache-Control', 'max-age=60').type('text/plain').send(text);

const squeezed = { headers: { 'Accept-Encoding': 'gzip' } };

function textOf({ headers, body }: Answer): string {
  const bytes = Buffer.from(body, 'latin1');
  return (headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
}

/** Keeps who came in a cookie; `always` also who has nothing to be kept. */
function sessions(always: boolean): RequestHandler {
  return session({ secret: 'for tests', resave: false, saveUninitialized: always });
}

for (const [where, make] of Object.entries(sites)) {
  for (const side of ['before', 'behind'] as const)
    describe(`${side} the cache in front of ${where}`, () => {
      test('compression: each client gets what it can read, out of the cache, too', async (t) => {
        const { ask, asked } = await make(t, page, { [side]: [compression({ threshold: 0 })] });
        const encodings: unknown[] = [];
        const statuses: string[] = [];
        for (const how of [squeezed, squeezed, {}, {}, squeezed, { method: 'HEAD' }]) {
          const answer = await ask('/', how);
          if ('method' in how) assert.equal(answer.body, '');
          else assert.equal(textOf(answer), text);
          assert.ok(answer.complete);
          encodings.push(answer.headers['content-encoding']);
          statuses.push(statusOf(answer));
          assert.match(String(answer.headers.vary), /Accept-Encoding/i);
        }
        assert.deepEqual(encodings, ['gzip', 'gzip', undefined, undefined, 'gzip', undefined]);
        // In front of it one stored answer serves both, behind it there are two.
        const second = side === 'before' ? 'hit' : 'fwd=vary-miss; stored';
        assert.deepEqual(
          statuses.map((status) => status.replace('sekisho; ', '')),
          ['fwd=uri-miss; stored', 'hit', second, 'hit', 'hit', 'hit'],
        );
        assert.equal(asked.length, side === 'before' ? 1 : 2);
      });

      test('express-session: nobody gets the session of another', async (t) => {
        const { ask } = await make(t, page, { [side]: [sessions(true)] });
        const answers = [await ask('/'), await ask('/'), await ask('/')];
        const cookies = answers.map(({ headers }) => String(headers['set-cookie']));
        assert.equal(new Set(cookies).size, 3, String(cookies));
        for (const cookie of cookies) assert.match(cookie, /^connect\.sid=/);
        const [, later] = answers.map(statusOf);
        assert.equal(
          later,
          side === 'before' ? 'sekisho; hit' : 'sekisho; fwd=uri-miss; detail=set-cookie',
        );
      });

      test('express-session that has nothing to keep leaves answers to be stored', async (t) => {
        const { ask, asked } = await make(t, page, { [side]: [sessions(false)] });
        const [first, second] = [await ask('/'), await ask('/')];
        assert.deepEqual([statusOf(second), second.body], ['sekisho; hit', first.body]);
        assert.equal(first.headers['set-cookie'], undefined);
        assert.equal(asked.length, 1);
      });

      test('helmet: its fields are on misses and hits, once each', async (t) => {
        const { ask } = await make(t, page, { [side]: [helmet()] });
        const [miss, hit] = [await ask('/'), await ask('/')];
        assert.equal(statusOf(hit), 'sekisho; hit');
        for (const name of [
          'content-security-policy',
          'strict-transport-security',
          'x-frame-options',
        ])
          assert.deepEqual([name, hit.headers[name]], [name, miss.headers[name]]);
        assert.equal(hit.headers['x-frame-options'], 'SAMEORIGIN');
      });
    });

  test(`a session that changes behind a hit is saved all the same, in front of ${where}`, async (t) => {
    const counts: number[] = [];
    const counting: RequestHandler = (req, _res, next) => {
      const own = req.session as unknown as { visits?: number };
      own.visits = (own.visits ?? 0) + 1;
      counts.push(own.visits);
      next();
    };
    const { ask, asked } = await make(t, page, { before: [sessions(true), counting] });
    const first = await ask('/');
    const [cookie = ''] = String(first.headers['set-cookie']).split(';');
    for (let round = 0; round < 3; round++) await ask('/', { headers: { Cookie: cookie } });
    assert.deepEqual(counts, [1, 2, 3, 4]);
    // What the origin states to be for all is for those with cookies, too.
    assert.equal(asked.length, 1);
  });
}
