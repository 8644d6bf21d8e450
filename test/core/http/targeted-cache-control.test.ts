import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noDirectives } from '../../../lib/core/http/cache-control.ts';
import { parseTargetedCacheControl } from '../../../lib/core/http/targeted-cache-control.ts';

for (const [lines, said] of [
  [[], undefined],
  [[''], undefined],
  [['  '], undefined],
  [['max-age=60'], { maxAge: 60_000 }],
  [['max-age=60', 'private'], { maxAge: 60_000, private: true }],
  [['max-age=60;x=1, unknown=(a b), must-revalidate'], { maxAge: 60_000, mustRevalidate: true }],
  [['no-store, max-age=60'], { noStore: true, maxAge: 60_000 }],
  [
    ['stale-while-revalidate=5, stale-if-error=6'],
    { staleWhileRevalidate: 5000, staleIfError: 6000 },
  ],
  [['unknown'], {}],
  // A dictionary's later member takes the place of the former (RFC 9651 §3.2).
  [['max-age=60, max-age=90'], { maxAge: 90_000 }],
  [['no-cache="set-cookie, x-a"'], { noCacheFields: ['set-cookie', 'x-a'] }],
  [['no-cache=("Set-Cookie" x-a)'], { noCacheFields: ['set-cookie', 'x-a'] }],
  [['private=set-cookie'], { privateFields: ['set-cookie'] }],
  [['private=1'], { private: true }],
  [['no-cache=()'], { noCache: true }],
  [['no-store=?0, max-age=60'], { maxAge: 60_000 }],
  [['no-store=?1'], { noStore: true }],
  [['no-store=1'], { noStore: true }],
  [['public=1'], {}],
  // The wrong type: invalid freshness information is stale (RFC 9111 §4.2.1).
  [['max-age="60"'], { maxAge: 0 }],
  [['max-age=60.0'], { maxAge: 0 }],
  [['max-age=-60'], { maxAge: 0 }],
  [['max-age'], { maxAge: 0 }],
  [['max-age=@60'], { maxAge: 0 }],
  [['max-age=(60)'], { maxAge: 0 }],
  // Not a dictionary: as if it were not there.
  [['Max-Age=60'], undefined],
  [['max-age=60,'], undefined],
  [['max-age=60', ''], undefined],
  [['max-age=60, &'], undefined],
  [['max-age=60; public'], { maxAge: 60_000 }],
  [['max-age = 60'], undefined],
  [['max-age=60 public'], undefined],
  [['max-age=1234567890123456'], undefined],
  [['max-age="60'], undefined],
] as const)
  test(`RFC 9213 §2.1: ${JSON.stringify(lines)} says ${JSON.stringify(said)}`, () => {
    const expected = said === undefined ? undefined : { ...noDirectives, ...said };
    assert.deepEqual(parseTargetedCacheControl(lines), expected);
  });
