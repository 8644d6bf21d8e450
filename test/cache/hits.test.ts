import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Response } from 'express';
import type { CacheOptions } from '../../lib/cache/index.ts';
import { sites, statusOf, stillClock, type Ask } from './support.ts';

interface Row {
  readonly fields: Readonly<Record<string, string>>;
  readonly status?: number;
  readonly options?: CacheOptions;
  readonly ask?: Ask;
  /** `Cache-Status` of the first and of the second answer. */
  readonly statuses: readonly [string, string];
}

const hit = 'sekisho; hit';
const stored = 'sekisho; fwd=uri-miss; stored';
const miss = (reason: string): [string, string] => [
  `sekisho; fwd=uri-miss; detail=${reason}`,
  `sekisho; fwd=uri-miss; detail=${reason}`,
];

const rows: Readonly<Record<string, Row>> = {
  'max-age': { fields: { 'Cache-Control': 'max-age=60' }, statuses: [stored, hit] },
  's-maxage': { fields: { 'Cache-Control': 's-maxage=60, max-age=0' }, statuses: [stored, hit] },
  'CDN-Cache-Control over no-store': {
    fields: { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'no-store' },
    statuses: [stored, hit],
  },
  nothing: { fields: {}, statuses: miss('no-freshness') },
  'nothing, and a ttl': { fields: {}, options: { ttl: '1 minute' }, statuses: [stored, hit] },
  'max-age=0 counts before the ttl': {
    fields: { 'Cache-Control': 'max-age=0' },
    options: { ttl: '1 minute' },
    statuses: miss('expired'),
  },
  'no-store': {
    fields: { 'Cache-Control': 'no-store' },
    options: { ttl: 1000 },
    statuses: miss('no-store'),
  },
  'no-store that is ignored': {
    fields: { 'Cache-Control': 'no-store' },
    options: { ttl: '1m', ignore: ['no-store'] },
    statuses: [stored, hit],
  },
  private: { fields: { 'Cache-Control': 'private, max-age=60' }, statuses: miss('private') },
  'Set-Cookie': {
    fields: { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'a=1' },
    statuses: miss('set-cookie'),
  },
  'Vary: *': { fields: { 'Cache-Control': 'max-age=60', Vary: '*' }, statuses: miss('vary-any') },
  'a 404 with a negativeTtl': {
    fields: {},
    status: 404,
    options: { negativeTtl: { 404: '1m' } },
    statuses: [stored, hit],
  },
  'a 500 with a ttl': {
    fields: {},
    status: 500,
    options: { ttl: '1m' },
    statuses: miss('no-freshness'),
  },
  'a 401 with a ttl': {
    fields: {},
    status: 401,
    options: { ttl: '1m' },
    statuses: miss('no-freshness'),
  },
  'a status that is excluded': {
    fields: { 'Cache-Control': 'max-age=60' },
    status: 404,
    options: { statusCodes: { exclude: [404] } },
    statuses: miss('status'),
  },
  heuristics: {
    fields: { 'Last-Modified': 'Thu, 01 Jan 2015 00:00:00 GMT' },
    options: { heuristics: true },
    statuses: [stored, hit],
  },
  Authorization: {
    fields: { 'Cache-Control': 'max-age=60' },
    ask: { headers: { Authorization: 'Basic eDp5' } },
    statuses: miss('authorization'),
  },
  'Authorization, and public': {
    fields: { 'Cache-Control': 'public, max-age=60' },
    ask: { headers: { Authorization: 'Basic eDp5' } },
    statuses: [stored, hit],
  },
  'cookies, and nobody but the operator calls it fresh': {
    fields: {},
    options: { ttl: '1m' },
    ask: { headers: { Cookie: 'a=1' } },
    statuses: miss('cookie'),
  },
  'cookies that are ignored': {
    fields: {},
    options: { ttl: '1m', cookies: 'ignore' },
    ask: { headers: { Cookie: 'a=1' } },
    statuses: [stored, hit],
  },
  "the client's no-store": {
    fields: { 'Cache-Control': 'max-age=60' },
    ask: { headers: { 'Cache-Control': 'no-store' } },
    statuses: miss('request-no-store'),
  },
  "the client's no-cache": {
    fields: { 'Cache-Control': 'max-age=60' },
    ask: { headers: { 'Cache-Control': 'no-cache' } },
    statuses: [stored, 'sekisho; fwd=request; stored'],
  },
  "the client's no-cache when clients have no say": {
    fields: { 'Cache-Control': 'max-age=60' },
    options: { clientDirectives: false },
    ask: { headers: { 'Cache-Control': 'no-cache' } },
    statuses: [stored, hit],
  },
  'a request with a body': {
    fields: { 'Cache-Control': 'max-age=60' },
    ask: { body: 'x', headers: { 'Content-Length': '1' } },
    statuses: ['sekisho; fwd=bypass; detail=body', 'sekisho; fwd=bypass; detail=body'],
  },
  'If-Match': {
    fields: { 'Cache-Control': 'max-age=60' },
    ask: { headers: { 'If-Match': '"a"' } },
    statuses: [
      'sekisho; fwd=bypass; detail=precondition',
      'sekisho; fwd=bypass; detail=precondition',
    ],
  },
  'when says no': {
    fields: { 'Cache-Control': 'max-age=60' },
    options: { when: () => undefined as never },
    statuses: ['sekisho; fwd=bypass; detail=when', 'sekisho; fwd=bypass; detail=when'],
  },
  'another method': {
    fields: { 'Cache-Control': 'max-age=60' },
    ask: { method: 'POST' },
    statuses: ['sekisho; fwd=method', 'sekisho; fwd=method'],
  },
  'a name of its own': {
    fields: { 'Cache-Control': 'max-age=60' },
    options: { cacheStatus: 'front page' },
    statuses: ['"front page"; fwd=uri-miss; stored', '"front page"; hit'],
  },
  'no Cache-Status': {
    fields: { 'Cache-Control': 'max-age=60' },
    options: { cacheStatus: false },
    statuses: ['', ''],
  },
  'a malformed Host': {
    fields: { 'Cache-Control': 'max-age=60' },
    ask: { headers: { 'X-Forwarded-Host': 'a b' } },
    statuses: ['sekisho; fwd=bypass; detail=host', 'sekisho; fwd=bypass; detail=host'],
  },
};

for (const [where, make] of Object.entries(sites))
  describe(`cache in front of ${where}`, () => {
    for (const [what, { fields, status = 200, options = {}, ask = {}, statuses }] of Object.entries(
      rows,
    ))
      test(what, async (t) => {
        stillClock(t);
        const origin = (_req: unknown, res: Response): void => {
          res.status(status).set(fields).send('the page');
        };
        const { ask: send, asked } = await make(t, origin, { cache: options });
        const first = await send('/a?b=c', ask);
        const second = await send('/a?b=c', ask);
        assert.deepEqual([statusOf(first), statusOf(second)], statuses);
        assert.deepEqual([first.status, second.status], [status, status]);
        assert.equal(second.body, 'the page');
        assert.equal(
          asked.length,
          statuses[1].endsWith('hit') || what === 'no Cache-Status' ? 1 : 2,
        );
      });

    test('a hit is the miss, with its age', async (t) => {
      const clock = stillClock(t);
      const { ask } = await make(
        t,
        (_req, res) => {
          res.set({
            'Cache-Control': 'max-age=60',
            ETag: '"1"',
            'X-Own': 'ü',
            Date: new Date().toUTCString(),
          });
          res.append('Link', '<a>; rel=x').append('Link', '<b>; rel=y').send('x'.repeat(40_000));
        },
        {
          before: [
            (_req, res, next) => {
              res.set('X-Outer', '1');
              next();
            },
          ],
        },
      );
      const first = await ask('/');
      clock.forward(7);
      const second = await ask('/');
      assert.equal(second.body, first.body);
      assert.equal(second.headers.age, '7');
      assert.equal(second.headers['cache-status'], 'sekisho; hit; ttl=53');
      const rest = (headers: object): object => ({
        ...headers,
        age: '',
        'cache-status': '',
        connection: '',
      });
      assert.deepEqual(rest(second.headers), rest(first.headers));
      assert.equal(second.headers['x-outer'], '1');
    });

    test('HEAD is answered from GET', async (t) => {
      const { ask, asked } = await make(t, (_req, res) => {
        res.set('Cache-Control', 'max-age=60').send('the page');
      });
      await ask('/');
      const head = await ask('/', { method: 'HEAD' });
      assert.deepEqual([statusOf(head), head.body, head.headers['content-length']], [hit, '', '8']);
      assert.equal(asked.length, 1);
    });

    test('only-if-cached is 504 when it is not', async (t) => {
      const { ask, asked } = await make(t, (_req, res) => {
        res.set('Cache-Control', 'max-age=60').send('the page');
      });
      const headers = { 'Cache-Control': 'only-if-cached' };
      const cold = await ask('/', { headers });
      assert.equal(cold.status, 504);
      assert.equal(statusOf(cold), 'sekisho; fwd=uri-miss; detail=only-if-cached');
      assert.deepEqual(asked, []);
      await ask('/');
      assert.equal((await ask('/', { headers })).status, 200);
    });
  });
