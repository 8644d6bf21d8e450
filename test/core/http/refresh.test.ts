import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches304, refreshed, refreshedByHead } from '../../../lib/core/http/refresh.ts';

const received = 784_111_777_000;
const now = 'Sun, 06 Nov 1994 08:49:37 GMT';
const earlier = 'Sun, 06 Nov 1994 08:00:00 GMT';
const date = ['Date', now];
const old = ['Date', earlier];

const updates: readonly (readonly [
  what: string,
  stored: readonly string[],
  from304: readonly string[],
  without: readonly string[],
  result: readonly string[],
])[] = [
  [
    'all lines are replaced',
    ['X', '1', 'x', '2', 'Y', '3'],
    ['x', '4', 'X', '5', ...date],
    [],
    ['Y', '3', 'x', '4', 'X', '5', ...date],
  ],
  [
    'new ones are added',
    [...old, 'X', '1'],
    ['Y', '2', ...date],
    [],
    ['X', '1', 'Y', '2', ...date],
  ],
  ['Date of the receipt when the 304 has none', [...old, 'X', '1'], [], [], ['X', '1', ...date]],
  ['the new Age', ['Age', '9'], ['Age', '1', ...date], [], ['Age', '1', ...date]],
  ['no Age', ['Age', '9'], date, [], date],
  [
    'Cache-Control, Expires, Vary',
    ['Cache-Control', 'max-age=1', 'Expires', earlier],
    ['Cache-Control', 'private', ...date],
    [],
    ['Expires', earlier, 'Cache-Control', 'private', ...date],
  ],
  [
    'Content-Type',
    ['Content-Type', 'a/b'],
    ['Content-Type', 'c/d', ...date],
    [],
    ['Content-Type', 'c/d', ...date],
  ],
  ...[
    'Content-Length',
    'Content-Encoding',
    'Content-Range',
    'Content-MD5',
    'Content-Digest',
    'Set-Cookie',
  ].map(
    (name) => [`not ${name}`, [name, '1'], [name, '2', ...date], [], [name, '1', ...date]] as const,
  ),
  ['no cookie is added', [], ['Set-Cookie', 'a=1', ...date], [], date],
  [
    'RFC 9111 §3.1: not the fields of the connection',
    ['X', '1'],
    ['Connection', 'X', 'X', '2', 'Transfer-Encoding', 'chunked', ...date],
    [],
    ['X', '1', ...date],
  ],
  [
    '§5.2.2.4: what no-cache names goes',
    ['X', '1', 'Y', '2'],
    ['X', '3', ...date],
    ['x', 'y'],
    date,
  ],
  ['the entity tag stays', ['ETag', '"a"'], ['ETag', '"a"', ...date], [], ['ETag', '"a"', ...date]],
  [
    'a weak tag is not made strong',
    ['ETag', 'W/"a"'],
    ['ETag', '"a"', ...date],
    [],
    ['ETag', 'W/"a"', ...date],
  ],
  [
    'a strong tag is made weak',
    ['ETag', '"a"'],
    ['ETag', 'W/"a"', ...date],
    [],
    ['ETag', 'W/"a"', ...date],
  ],
  ['no tag is made up', ['X', '1'], ['ETag', '"a"', ...date], [], ['X', '1', ...date]],
  [
    'a malformed tag changes nothing',
    ['ETag', '"a"'],
    ['ETag', 'b', ...date],
    [],
    ['ETag', '"a"', ...date],
  ],
];

for (const [what, stored, from304, without, result] of updates)
  test(`a 304 updates what is stored: ${what} (RFC 9111 §3.2)`, () => {
    assert.deepEqual(refreshed(stored, from304, received, without), result);
  });

const tag = ['ETag', '"a"'];
const modified = ['Last-Modified', earlier];
const changed = ['Last-Modified', now];

const comparisons: readonly (readonly [
  what: string,
  stored: readonly string[],
  from304: readonly string[],
  matches: boolean,
])[] = [
  ['no validators', tag, [], true],
  ['the tag', tag, tag, true],
  ['another tag', tag, ['ETag', '"b"'], false],
  ['a weak tag for a strong one', tag, ['ETag', 'W/"a"'], true],
  ['a strong tag for a weak one', ['ETag', 'W/"a"'], tag, true],
  ['the date', modified, modified, true],
  ['the date in another form', modified, ['Last-Modified', 'Sun Nov  6 08:00:00 1994'], true],
  ['another date', modified, changed, false],
  ['the tag, another date', [...tag, ...modified], [...tag, ...changed], true],
  ['another tag, the date', [...tag, ...modified], ['ETag', '"b"', ...modified], false],
  ['the date of two validators', [...tag, ...modified], modified, true],
  ['a tag that is not stored, the date', modified, [...tag, ...modified], true],
  ['a tag that is not stored', modified, tag, false],
  ['a date that is not stored', tag, modified, false],
  ['a tag for nothing', [], tag, false],
  ['a malformed tag is none', tag, ['ETag', 'b'], true],
  ['a malformed date is none', modified, ['Last-Modified', 'x'], true],
];

for (const [what, stored, from304, matches] of comparisons)
  test(`${matches ? 'a' : 'no'} 304 for what is stored: ${what} (RFC 9111 §4.3.4)`, () => {
    assert.equal(matches304(stored, from304, received), matches);
  });

const gzip = ['Content-Encoding', 'gzip'];
const heads: readonly (readonly [
  what: string,
  stored: readonly string[],
  head: readonly string[],
  result: readonly string[] | 'outdated',
])[] = [
  ['the tag', [...tag, 'X', '1'], [...tag, ...date, 'X', '2'], [...tag, ...date, 'X', '2']],
  ['the tag and length', tag, [...tag, 'Content-Length', '10', ...date], [...tag, ...date]],
  ['the date', modified, [...modified, ...date], [...modified, ...date]],
  ['another tag', tag, ['ETag', '"b"'], 'outdated'],
  ['another date', modified, changed, 'outdated'],
  ['another length', tag, [...tag, 'Content-Length', '11'], 'outdated'],
  ['another length and no validator', [], ['Content-Length', '11'], 'outdated'],
  ['a malformed length', tag, [...tag, 'Content-Length', 'x'], 'outdated'],
  ['two lengths', tag, [...tag, 'Content-Length', '10', 'Content-Length', '11'], 'outdated'],
  [
    'no validator proves nothing',
    [...old, ...tag],
    ['Content-Length', '10', 'X', '1'],
    [...old, ...tag],
  ],
  [
    'another coding proves nothing',
    [...old, ...tag, ...gzip],
    [...tag, 'Content-Length', '99'],
    [...old, ...tag, ...gzip],
  ],
  ['another tag in another coding', [...tag, ...gzip], ['ETag', '"b"'], 'outdated'],
];

for (const [what, stored, head, result] of heads)
  test(`a HEAD after a GET of 10 bytes: ${what} (RFC 9111 §4.3.5)`, () => {
    assert.deepEqual(refreshedByHead(stored, 10, head, received), result);
  });
