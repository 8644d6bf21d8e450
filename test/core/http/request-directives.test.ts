import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noDirectives } from '../../../lib/core/http/cache-control.ts';
import { requestDirectives } from '../../../lib/core/http/request-directives.ts';

for (const [section, fields, said] of [
  ['§5.2.1', [], undefined],
  ['§5.2.1', ['Host', 'a', 'X-Same-Lengt', 'no-store', 'Expect', 'no-cache'], undefined],
  ['§5.2.1', ['Cache-Control', 'max-age=0'], { maxAge: 0 }],
  [
    '§5.2.1',
    ['CACHE-control', 'max-age=5', 'cache-CONTROL', 'no-store'],
    { maxAge: 5000, noStore: true },
  ],
  ['§5.2.1', ['Cache-Control', ''], {}],
  ['§5.2.1.4', ['Cache-Control', 'no-cache="x-a"'], { noCache: true, noCacheFields: ['x-a'] }],
  ['§5.4', ['Pragma', 'no-cache'], { noCache: true }],
  ['§5.4', ['pragma', 'foo, NO-CACHE'], { noCache: true }],
  ['§5.4', ['Pragma', 'foo', 'Pragma', 'no-cache'], { noCache: true }],
  ['§5.4', ['Pragma', 'foo'], undefined],
  ['§5.4', ['Pragma', 'no-store'], undefined],
  ['§5.4', ['Pragma', 'no-cache', 'Cache-Control', 'max-stale=5'], { maxStale: 5000 }],
  ['§5.4', ['Pragma', 'no-cache', 'Cache-Control', ''], {}],
] as const)
  test(`${section}: a request with ${JSON.stringify(fields)} asks ${JSON.stringify(said)}`, () => {
    const expected = said === undefined ? undefined : { ...noDirectives, ...said };
    assert.deepEqual(requestDirectives(fields), expected);
  });
