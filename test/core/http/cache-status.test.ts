import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cacheStatus,
  withCacheStatus,
  type CacheStatus,
} from '../../../lib/core/http/cache-status.ts';
import { isInnerList } from '../../../lib/core/http/structured-fields.ts';
import { parseList } from '../../../lib/core/http/parse-structured-field.ts';

// RFC 9211 §2
const rows: readonly (readonly [status: CacheStatus, member: string])[] = [
  [{}, 'sekisho; hit'],
  [{ ttl: 30_000 }, 'sekisho; hit; ttl=30'],
  [{ ttl: 999 }, 'sekisho; hit; ttl=0'],
  [{ ttl: -1 }, 'sekisho; hit; ttl=-1'],
  [{ ttl: -412_000 }, 'sekisho; hit; ttl=-412'],
  [{ ttl: Infinity }, 'sekisho; hit; ttl=999999999999999'],
  [{ ttl: NaN }, 'sekisho; hit'],
  [{ stored: true, collapsed: true, fwdStatus: 200 }, 'sekisho; hit'],
  [{ fwd: 'uri-miss', stored: true }, 'sekisho; fwd=uri-miss; stored'],
  [{ fwd: 'uri-miss', stored: false, collapsed: false }, 'sekisho; fwd=uri-miss'],
  [
    { fwd: 'stale', fwdStatus: 304, ttl: 5000, stored: true, collapsed: true },
    'sekisho; fwd=stale; fwd-status=304; ttl=5; stored; collapsed',
  ],
  [{ fwd: 'bypass', detail: 'no-store' }, 'sekisho; fwd=bypass; detail=no-store'],
  [{ fwd: 'miss', detail: 'a "b" \\' }, String.raw`sekisho; fwd=miss; detail="a \"b\" \\"`],
  [{ key: 'GET /\u00e9\r\nX: y' }, 'sekisho; hit; key="GET /???X: y"'],
  [{ detail: '' }, 'sekisho; hit; detail=""'],
  [{ detail: 'x'.repeat(300) }, `sekisho; hit; detail="${'x'.repeat(256)}"`],
];

for (const [status, member] of rows)
  test(`Cache-Status: ${member.slice(0, 70)} (RFC 9211 §2)`, () => {
    assert.equal(cacheStatus(status), member);
    const [parsed] = parseList(member) ?? [];
    assert.ok(parsed !== undefined && !isInnerList(parsed));
    assert.deepEqual(parsed.value, { kind: 'token', value: 'sekisho' });
    assert.equal(parsed.parameters.has('hit'), status.fwd === undefined);
  });

test('the name is a token, or else a string', () => {
  assert.equal(cacheStatus({}, 'edge.example:8080'), 'edge.example:8080; hit');
  assert.equal(cacheStatus({}, 'my cache'), '"my cache"; hit');
  assert.equal(cacheStatus({}, '1st'), '"1st"; hit');
});

test('the cache nearest to the client is last (RFC 9211 §2)', () => {
  const fields = ['cache-status', 'origin; hit', 'X', '1', 'Cache-Status', 'cdn; fwd=miss'];
  assert.deepEqual(withCacheStatus(fields, 'sekisho; hit'), [
    ...fields,
    'Cache-Status',
    'sekisho; hit',
  ]);
});
