import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notModifiedFields } from '../../../lib/core/http/not-modified.ts';

// RFC 9110 §15.4.5
const kept = [
  'Cache-Control',
  'Content-Location',
  'Date',
  'Expires',
  'vary',
  'Content-Security-Policy',
  'Access-Control-Allow-Origin',
  'X-Own',
  'Age',
];
const dropped = [
  'Content-Length',
  'content-type',
  'Content-Encoding',
  'Content-Language',
  'Content-Range',
  'Content-Digest',
  'Set-Cookie',
  'Transfer-Encoding',
];

for (const name of kept)
  test(`a 304 has ${name} (§15.4.5)`, () => {
    assert.deepEqual(notModifiedFields([name, 'x']), [name, 'x']);
  });

for (const name of dropped)
  test(`a 304 has no ${name} (§15.4.5)`, () => {
    assert.deepEqual(notModifiedFields(['X', '1', name, 'x']), ['X', '1']);
  });

test('Last-Modified stands in for a missing or useless ETag (§15.4.5)', () => {
  assert.deepEqual(notModifiedFields(['Last-Modified', 'x', 'ETag', '"a"']), ['ETag', '"a"']);
  assert.deepEqual(notModifiedFields(['Last-Modified', 'x']), ['Last-Modified', 'x']);
  assert.deepEqual(notModifiedFields(['Last-Modified', 'x', 'ETag', 'a']), [
    'Last-Modified',
    'x',
    'ETag',
    'a',
  ]);
});
