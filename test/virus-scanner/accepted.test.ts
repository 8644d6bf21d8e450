import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scannableRequest } from '../../lib/virus-scanner/accepted.ts';
import { isEndless, mediaTypeOf, skipsHost, skipsType } from '../../lib/virus-scanner/skip.ts';

for (const [given, expected] of [
  ['gzip, deflate, br, zstd', 'gzip, deflate, br, zstd'],
  ['gzip;q=0.5, dcb, *;q=0.1', 'gzip;q=0.5'],
  ['*', 'identity'],
  ['', 'identity'],
  ['compress', 'identity'],
  ['GZIP , identity;q=0', 'GZIP, identity;q=0'],
] as const)
  test(`Accept-Encoding: ${given} becomes ${expected}`, () => {
    assert.deepEqual(scannableRequest(['Accept-Encoding', given]), ['Accept-Encoding', expected]);
  });

test('nothing is asked for in parts', () => {
  const fields = ['Range', 'bytes=0-1', 'A', 'b', 'If-Range', '"x"', 'A-IM', 'x'];
  assert.deepEqual(scannableRequest(fields), ['A', 'b']);
});

const rules = { types: ['image/*', 'text/css'], hosts: ['updates.example'] };
for (const [type, skipped] of [
  ['image/png', true],
  ['IMAGE/PNG; a=b', true],
  ['text/css', true],
  ['text/css+x', false],
  ['imagex/png', false],
  ['', false],
  [undefined, false],
] as const)
  test(`a body of type ${String(type)} is ${skipped ? '' : 'not '}skipped`, () => {
    assert.equal(skipsType(rules, mediaTypeOf(type)), skipped);
  });

for (const [host, skipped] of [
  ['updates.example', true],
  ['a.updates.example', true],
  ['notupdates.example', false],
  ['example', false],
  [undefined, false],
] as const)
  test(`a body of ${String(host)} is ${skipped ? '' : 'not '}skipped`, () => {
    assert.equal(skipsHost(rules, host), skipped);
  });

test('streams without end are known', () => {
  assert.ok(isEndless('text/event-stream'));
  assert.ok(isEndless('application/grpc+proto'));
  assert.ok(!isEndless('text/plain'));
});
