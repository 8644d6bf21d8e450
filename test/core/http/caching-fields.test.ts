import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noDirectives } from '../../../lib/core/http/cache-control.ts';
import { readCachingFields, type CachingFields } from '../../../lib/core/http/caching-fields.ts';

const now = Date.UTC(2025, 0, 1);
const early = 'Sun, 06 Nov 1994 08:49:37 GMT';
const later = 'Sun, 06 Nov 1994 08:49:38 GMT';
const at = Date.UTC(1994, 10, 6, 8, 49, 37);

const nothing: CachingFields = {
  control: noDirectives,
  expires: [],
  date: undefined,
  lastModified: undefined,
  age: undefined,
  hasEtag: false,
  setsCookie: false,
  variesByAnything: false,
  contentLocation: [],
};

const fresh = { ...noDirectives, maxAge: 60_000 };

const rows: readonly (readonly [what: string, fields: string[], said: Partial<CachingFields>])[] = [
  ['nothing', ['Server', 'x', 'Pragma', 'no-cache'], {}],
  ['names in any case', ['CACHE-CONTROL', 'max-age=60', 'AGE', '5'], { control: fresh, age: '5' }],
  [
    'RFC 9110 §5.3: several lines are one list',
    ['Cache-Control', 'max-age=60', 'Cache-Control', 'public'],
    { control: { ...fresh, public: true } },
  ],
  ['§5.3: all lines of Expires', ['Expires', '0', 'Expires', early], { expires: ['0', early] }],
  ['RFC 9110 §6.6.1: the first Date', ['Date', early, 'Date', later], { date: at }],
  ['RFC 9110 §6.6.1: a Date that is none', ['Date', 'yesterday'], {}],
  ['§5.1: the first Age', ['Age', 'x', 'Age', '5'], { age: 'x' }],
  ['RFC 9110 §8.8.2', ['Last-Modified', early], { lastModified: at }],
  ['RFC 9110 §8.8.2: no date', ['Last-Modified', '0'], {}],
  ['RFC 9110 §8.8.3', ['ETag', '"a"'], { hasEtag: true }],
  ['RFC 9110 §8.8.3: a weak one', ['ETag', 'W/"a"'], { hasEtag: true }],
  ['RFC 9110 §8.8.3: no entity-tag', ['ETag', 'a'], {}],
  ['RFC 9110 §8.8.3: no entity-tag', ['ETag', '"a" "b"'], {}],
  ['RFC 9110 §8.8.3: twice', ['ETag', '"a"', 'ETag', '"a"'], {}],
  ['RFC 9110 §8.8.2: twice', ['Last-Modified', early, 'Last-Modified', early], {}],
  [
    'RFC 9110 §5.5: blanks around',
    ['Date', ` ${early}\t`, 'ETag', ' "a" '],
    { date: at, hasEtag: true },
  ],
  ['§7.3', ['Set-Cookie', ''], { setsCookie: true }],
  ['§4.1', ['Vary', 'Accept, Accept-Language'], {}],
  ['§4.1: alone', ['Vary', '*'], { variesByAnything: true }],
  ['§4.1: in the middle', ['Vary', 'Accept , * ,Cookie'], { variesByAnything: true }],
  ['§4.1: in a second line', ['Vary', 'Accept', 'Vary', 'Cookie,*'], { variesByAnything: true }],
  ['§4.1: a part of a name', ['Vary', 'a*'], {}],
  ['RFC 9110 §8.7', ['Content-Location', '/a'], { contentLocation: ['/a'] }],
  [
    'RFC 9213 §2.1: a targeted field stands for Cache-Control and Expires',
    ['CDN-Cache-Control', 'max-age=60', 'Cache-Control', 'no-store', 'Expires', '0'],
    { control: fresh },
  ],
  [
    'RFC 9213 §2.1: a malformed one for nothing',
    ['CDN-Cache-Control', 'max-age=60,', 'Cache-Control', 'no-store', 'Expires', '0'],
    { control: { ...noDirectives, noStore: true }, expires: ['0'] },
  ],
  [
    'RFC 9213 §2.1: an empty one for nothing',
    ['CDN-Cache-Control', '', 'Cache-Control', 'max-age=60'],
    { control: fresh },
  ],
];

for (const [what, fields, said] of rows)
  test(`${what}: ${JSON.stringify(fields)}`, () => {
    assert.deepEqual(readCachingFields(fields, now), { ...nothing, ...said });
  });
