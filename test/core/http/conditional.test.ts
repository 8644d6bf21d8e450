import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  concernsOrigin,
  judgeConditions,
  validators,
  withoutConditions,
} from '../../../lib/core/http/conditional.ts';

const now = Date.UTC(2026, 0, 1);
const before = 'Sun, 06 Nov 1994 08:49:36 GMT';
const modified = 'Sun, 06 Nov 1994 08:49:37 GMT';
const after = 'Sun, 06 Nov 1994 08:49:38 GMT';

const tagged = ['ETag', '"a"', 'Last-Modified', modified];
const weak = ['ETag', 'W/"a"'];
const dated = ['Date', modified];

type Row = readonly [
  what: string,
  method: string,
  request: readonly string[],
  status: number,
  stored: readonly string[],
  unchanged: boolean,
];

const inm = 'If-None-Match';
const ims = 'If-Modified-Since';

const rows: readonly Row[] = [
  ['no conditions', 'GET', [], 200, tagged, false],
  ['§13.1.2: the tag', 'GET', [inm, '"a"'], 200, tagged, true],
  ['§13.1.2: the tag, HEAD', 'HEAD', [inm, '"a"'], 200, tagged, true],
  ['§13.1.2: another tag', 'GET', [inm, '"b"'], 200, tagged, false],
  ['§13.1.2: a list', 'GET', [inm, '"x", W/"y" ,"a"'], 200, tagged, true],
  [
    '§13.1.2: a list over two lines',
    'GET',
    [inm, '"x"', 'if-none-match', '"a"'],
    200,
    tagged,
    true,
  ],
  ['§13.1.2: a comma within a tag', 'GET', [inm, '"x,a", "b"'], 200, tagged, false],
  ['§8.8.3.2: weak comparison, weak asked', 'GET', [inm, 'W/"a"'], 200, tagged, true],
  ['§8.8.3.2: weak comparison, weak stored', 'GET', [inm, '"a"'], 200, weak, true],
  ['§13.1.2: any', 'GET', [inm, '*'], 200, [], true],
  ['§13.1.2: any among others is malformed', 'GET', [inm, '"b", *'], 200, tagged, false],
  ['§8.8.3: the bare tag is none', 'GET', [inm, 'a'], 200, tagged, false],
  ['§8.8.3: a stored tag that is none', 'GET', [inm, 'abc'], 200, ['ETag', 'abc'], false],
  ['nothing stored to compare with', 'GET', [inm, '"a"'], 200, [], false],
  ['§13.1.3: the same date', 'GET', [ims, modified], 200, tagged, true],
  ['§13.1.3: the same date, HEAD', 'HEAD', [ims, modified], 200, tagged, true],
  ['§13.1.3: later', 'GET', [ims, after], 200, tagged, true],
  ['§13.1.3: earlier', 'GET', [ims, before], 200, tagged, false],
  ['§5.6.7: RFC 850', 'GET', [ims, 'Sunday, 06-Nov-94 08:49:37 GMT'], 200, tagged, true],
  ['§5.6.7: asctime', 'GET', [ims, 'Sun Nov  6 08:49:37 1994'], 200, tagged, true],
  ['§13.1.3: no date', 'GET', [ims, 'yesterday'], 200, tagged, false],
  ['§13.1.3: two dates', 'GET', [ims, after, ims, after], 200, tagged, false],
  ['§13.1.3: a number', 'GET', [ims, '4102444800'], 200, tagged, false],
  ['RFC 9111 §4.3.2: Date stands in', 'GET', [ims, modified], 200, dated, true],
  ['RFC 9111 §4.3.2: Date stands in, earlier', 'GET', [ims, before], 200, dated, false],
  [
    'Date does not stand in for garbage',
    'GET',
    [ims, after],
    200,
    [...dated, 'Last-Modified', 'x'],
    false,
  ],
  ['no date stored', 'GET', [ims, after], 200, [], false],
  ['§13.2.2: the tag before the date', 'GET', [inm, '"b"', ims, after], 200, tagged, false],
  ['§13.2.2: the tag before an old date', 'GET', [ims, before, inm, '"a"'], 200, tagged, true],
  ['§13.2.2: a malformed list before the date', 'GET', [inm, 'a"', ims, after], 200, tagged, false],
  ['§13.2.2: other methods', 'POST', [inm, '"a"', ims, after], 200, tagged, false],
  ['§9.1: methods have case', 'get', [inm, '"a"'], 200, tagged, false],
  ['§13.2.1: a stored 404', 'GET', [inm, '"a"', ims, after], 404, tagged, false],
  ['§13.2.1: a stored 301', 'GET', [inm, '*'], 301, tagged, false],
  ['RFC 9111 §4.3.2: a stored 206', 'GET', [inm, '"a"'], 206, tagged, true],
  ['§13.1.1: If-Match is not for caches', 'GET', ['If-Match', '"b"'], 200, tagged, false],
  [
    '§13.1.4: If-Unmodified-Since is not for caches',
    'GET',
    ['If-Unmodified-Since', before],
    200,
    tagged,
    false,
  ],
];

for (const [what, method, fields, status, stored, unchanged] of rows)
  test(`conditions, ${what}`, () => {
    const judged = judgeConditions({ method, fields }, { status, fields: stored }, now);
    assert.equal(judged, unchanged ? 'not-modified' : 'proceed');
  });

for (const name of ['If-Match', 'if-unmodified-since'])
  test(`${name} is passed on to the origin (RFC 9111 §4.3.2)`, () => {
    assert.equal(concernsOrigin(['X', '1', name, 'x']), true);
  });

test('If-None-Match and If-Modified-Since need no origin', () => {
  assert.equal(concernsOrigin([inm, '"a"', ims, modified, 'If-Range', '"a"']), false);
});

// RFC 9111 §4.3.1
const revalidations: readonly (readonly [what: string, stored: string[], sent: string[]])[] = [
  ['both', tagged, [inm, '"a"', ims, modified]],
  ['a weak tag', weak, [inm, 'W/"a"']],
  [
    'a date in an old form, word for word',
    ['last-modified', 'Sun Nov  6 08:49:37 1994'],
    [ims, 'Sun Nov  6 08:49:37 1994'],
  ],
  ['Date is no validator', dated, []],
  ['malformed ones', ['ETag', 'a', 'Last-Modified', 'x'], []],
  ['repeated ones', [...tagged, ...tagged], []],
  ['an injection', ['ETag', '"a"\r\nX: y'], []],
];

for (const [what, stored, sent] of revalidations)
  test(`what a stored answer is validated with: ${what} (RFC 9111 §4.3.1)`, () => {
    assert.deepEqual(validators(stored, now), sent);
  });

test('a fetch that fills the cache asks for the whole, and keeps the conditions that guard the origin', () => {
  const fields = [
    'IF-None-Match',
    '"a"',
    'X',
    '1',
    ims,
    after,
    'If-Range',
    '"a"',
    'range',
    'bytes=0-',
  ];
  assert.deepEqual(withoutConditions([...fields, 'If-Match', '"a"']), [
    'X',
    '1',
    'If-Match',
    '"a"',
  ]);
});
