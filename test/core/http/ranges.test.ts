import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ifRangeHolds,
  partialFields,
  rangeOf,
  readRange,
  unsatisfiableFields,
} from '../../../lib/core/http/ranges.ts';

const now = Date.UTC(2026, 0, 1);
const nines = '9'.repeat(400);

type Expected = 'ignore' | 'unsatisfiable' | 'several' | readonly [first: number, last: number];

function reading(expected: Expected): object {
  if (typeof expected === 'string') return { kind: expected };
  return { kind: 'one', first: expected[0], last: expected[1] };
}

// RFC 9110 §14.1.1, §14.1.2, §14.2
const rows: readonly (readonly [value: string, size: number | undefined, expected: Expected])[] = [
  ['bytes=0-0', 10, [0, 0]],
  ['bytes=0-9', 10, [0, 9]],
  ['bytes=0-', 10, [0, 9]],
  ['bytes=9-', 10, [9, 9]],
  ['bytes=2-4', 10, [2, 4]],
  ['bytes=002-04', 10, [2, 4]],
  ['bytes=5-100', 10, [5, 9]],
  [`bytes=5-${nines}`, 10, [5, 9]],
  ['bytes=-3', 10, [7, 9]],
  ['bytes=-10', 10, [0, 9]],
  ['bytes=-100', 10, [0, 9]],
  [`bytes=-${nines}`, 10, [0, 9]],
  [' BYTES=2-4 ', 10, [2, 4]],
  ['bytes= 2-4\t', 10, [2, 4]],
  ['bytes=2-4,', 10, [2, 4]],
  ['bytes=,, 2-4', 10, [2, 4]],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=10-20', 10, 'unsatisfiable'],
  [`bytes=${nines}-`, 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=0-0', 0, 'unsatisfiable'],
  ['bytes=-5', 0, 'ignore'],
  ['bytes=10-11,20-', 10, 'unsatisfiable'],
  ['bytes=4-2', 10, 'ignore'],
  [`bytes=${nines}-1`, 10, 'ignore'],
  ['bytes=0-1,4-2', 10, 'ignore'],
  ['bytes=', 10, 'ignore'],
  ['bytes=,', 10, 'ignore'],
  ['bytes=-', 10, 'ignore'],
  ['bytes=--1', 10, 'ignore'],
  ['bytes=a-b', 10, 'ignore'],
  ['bytes=0x1-2', 10, 'ignore'],
  ['bytes=1 -2', 10, 'ignore'],
  ['bytes=1.0-2', 10, 'ignore'],
  ['bytes=+1-2', 10, 'ignore'],
  ['bytes=1-2;x', 10, 'ignore'],
  ['bytes=1-2\n', 10, 'ignore'],
  ['bytes =0-1', 10, 'ignore'],
  ['bytes:0-1', 10, 'ignore'],
  ['items=0-1', 10, 'ignore'],
  ['0-1', 10, 'ignore'],
  ['', 10, 'ignore'],
  ['bytes=0-1,4-5', 10, 'several'],
  ['bytes=0-0, -1', 10, 'several'],
  ['bytes=0-1,20-30', 10, [0, 1]],
  ['bytes=4-5,0-1', 10, 'ignore'],
  ['bytes=0-5,5-6', 10, 'ignore'],
  ['bytes=0-,0-', 10, 'ignore'],
  ['bytes=0-5,-8', 10, 'ignore'],
  // Not all there yet: only what states both its ends.
  ['bytes=2-4', undefined, [2, 4]],
  ['bytes=0-1,4-5', undefined, 'several'],
  ['bytes=2-', undefined, 'ignore'],
  ['bytes=-2', undefined, 'ignore'],
  ['bytes=-0', undefined, 'ignore'],
  [`bytes=2-${nines}`, undefined, 'ignore'],
  [`bytes=${nines}-`, undefined, 'ignore'],
];

for (const [value, size, expected] of rows)
  test(`Range: ${value.slice(0, 40)} of ${size ?? 'who knows how many'} bytes (RFC 9110 §14.1.2)`, () => {
    assert.deepEqual(readRange([value], size), reading(expected));
  });

test('a repeated Range is ignored (RFC 9110 §14.2)', () => {
  assert.deepEqual(readRange(['bytes=0-1', 'bytes=0-1'], 10), { kind: 'ignore' });
  assert.deepEqual(readRange([], 10), { kind: 'ignore' });
});

test('so many ranges that they are an attack are ignored (RFC 9110 §14.2, CVE-2011-3192)', () => {
  const ranges = (count: number): string =>
    `bytes=${Array.from({ length: count }, (_, at) => `${2 * at}-${2 * at}`).join(',')}`;
  assert.deepEqual(readRange([ranges(16)], 1000), { kind: 'several' });
  assert.deepEqual(readRange([ranges(17)], 1000), { kind: 'ignore' });
  assert.deepEqual(readRange([ranges(1000)], 10_000), { kind: 'ignore' });
  assert.deepEqual(readRange([`bytes=${','.repeat(5000)}0-1`], 1000), { kind: 'ignore' });
});

const modified = 'Sun, 06 Nov 1994 08:49:37 GMT';
const secondsLater = 'Sun, 06 Nov 1994 08:49:57 GMT';
const minuteLater = 'Sun, 06 Nov 1994 08:50:37 GMT';
const strong = ['ETag', '"a"', 'Last-Modified', modified, 'Date', minuteLater];

// RFC 9110 §13.1.5
const conditions: readonly (readonly [
  what: string,
  lines: readonly string[],
  stored: readonly string[],
  holds: boolean,
])[] = [
  ['missing', [], strong, true],
  ['the strong tag', ['"a"'], strong, true],
  ['another tag', ['"b"'], strong, false],
  ['a weak tag', ['W/"a"'], ['ETag', 'W/"a"'], false],
  ['a strong tag of a weak one', ['"a"'], ['ETag', 'W/"a"'], false],
  ['a tag where there is none', ['"a"'], [], false],
  ['a list of tags', ['"a", "b"'], strong, false],
  ['any', ['*'], strong, false],
  ['the exact date', [modified], strong, true],
  ['a later date', [secondsLater], strong, false],
  [
    'a date that is weak: Date follows at once',
    [modified],
    ['Last-Modified', modified, 'Date', secondsLater],
    false,
  ],
  ['a date that is weak: no Date', [modified], ['Last-Modified', modified], false],
  ['a date where there is none', [modified], ['ETag', '"a"', 'Date', minuteLater], false],
  ['no date', ['x'], strong, false],
  ['empty', [''], strong, false],
  ['two lines', ['"a"', '"a"'], strong, false],
];

for (const [what, lines, stored, holds] of conditions)
  test(`If-Range, ${what} (RFC 9110 §13.1.5)`, () => {
    const request = lines.flatMap((line) => ['If-Range', line]);
    assert.equal(ifRangeHolds(request, stored, now), holds);
  });

const range = ['Range', 'bytes=2-4'];
const requests: readonly (readonly [
  what: string,
  method: string,
  request: readonly string[],
  status: number,
  expected: Expected,
])[] = [
  ['a range', 'GET', range, 200, [2, 4]],
  ['none', 'GET', [], 200, 'ignore'],
  ['If-Range that holds', 'GET', [...range, 'If-Range', '"a"'], 200, [2, 4]],
  ['If-Range that does not hold', 'GET', [...range, 'If-Range', '"b"'], 200, 'ignore'],
  ['If-Range before 416', 'GET', ['Range', 'bytes=99-', 'If-Range', '"b"'], 200, 'ignore'],
  ['416', 'GET', ['Range', 'bytes=99-'], 200, 'unsatisfiable'],
  ['§14.2: HEAD knows no ranges', 'HEAD', range, 200, 'ignore'],
  ['§14.2: nor does POST', 'POST', range, 200, 'ignore'],
  ['§14.2: a 404 is not cut', 'GET', range, 404, 'ignore'],
];

for (const [what, method, fields, status, expected] of requests)
  test(`what part of a stored answer is sent: ${what} (RFC 9110 §14.2)`, () => {
    const part = rangeOf({ method, fields }, { status, fields: strong }, 10, now);
    assert.deepEqual(part, reading(expected));
  });

test('a 206 has the fields of the whole, but for its length and checksums (RFC 9110 §15.3.7.1)', () => {
  const stored = [
    'Content-Length',
    '10',
    'ETag',
    '"a"',
    'content-md5',
    'x',
    'Content-Type',
    'text/plain',
    'Repr-Digest',
    'y',
  ];
  assert.deepEqual(partialFields(stored, 2, 4, 10), [
    'ETag',
    '"a"',
    'Content-Type',
    'text/plain',
    'Repr-Digest',
    'y',
    'Content-Range',
    'bytes 2-4/10',
    'Content-Length',
    '3',
  ]);
  assert.deepEqual(partialFields([], 0, 0, undefined), [
    'Content-Range',
    'bytes 0-0/*',
    'Content-Length',
    '1',
  ]);
});

test('a 416 tells the length (RFC 9110 §15.5.17)', () => {
  assert.deepEqual(unsatisfiableFields(10), ['Content-Range', 'bytes */10']);
});
