import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCachingFields } from '../../../lib/core/http/caching-fields.ts';
import { longestDelta } from '../../../lib/core/http/delta-seconds.ts';
import {
  assumedFreshness,
  statedLifetime,
  type FreshnessPolicy,
} from '../../../lib/core/http/freshness.ts';
import { formatHttpDate } from '../../../lib/core/http/http-date.ts';

const received = Date.UTC(2025, 0, 1);

/** Times in seconds from the arrival. */
function date(seconds: number): string {
  return formatHttpDate(received + seconds * 1000);
}

const second = 1000;
const day = 86_400;

for (const [section, fields, expected] of [
  ['§4.2.1: nothing', [], undefined],
  ['§4.2.1: no freshness', ['Cache-Control', 'public, must-revalidate'], undefined],
  ['§4.2.1: max-age', ['Cache-Control', 'max-age=60'], 60 * second],
  ['§4.2.1: s-maxage before max-age', ['Cache-Control', 'max-age=60, s-maxage=10'], 10 * second],
  ['§4.2.1: s-maxage before max-age', ['Cache-Control', 's-maxage=100, max-age=60'], 100 * second],
  [
    '§5.3: max-age before Expires',
    ['Cache-Control', 'max-age=60', 'Expires', date(5)],
    60 * second,
  ],
  ['§5.3: max-age before Expires', ['Expires', '0', 'Cache-Control', 's-maxage=60'], 60 * second],
  ['§4.2.1: invalid max-age before Expires', ['Cache-Control', 'max-age=x', 'Expires', date(5)], 0],
  ['§4.2.1: Expires − Date', ['Expires', date(60), 'Date', date(-10)], 70 * second],
  ['§4.2.1: Expires − Date, a clock ahead', ['Expires', date(60), 'Date', date(50)], 10 * second],
  ['§4.2.1: Expires before Date', ['Expires', date(60), 'Date', date(61)], 0],
  ['§4.2.1: Expires at Date', ['Expires', date(60), 'Date', date(60)], 0],
  ['RFC 9110 §6.6.1: no Date', ['Expires', date(60)], 60 * second],
  ['RFC 9110 §6.6.1: Date is none', ['Expires', date(60), 'Date', 'x'], 60 * second],
  ['§5.3: Expires: 0', ['Expires', '0'], 0],
  ['§5.3: Expires: -1', ['Expires', '-1'], 0],
  ['§5.3: empty Expires', ['Expires', ''], 0],
  ['§5.3: Expires is a number', ['Expires', '4102444800'], 0],
  ['§5.3: Expires as Date.parse would have it', ['Expires', '2099-01-01T00:00:00Z'], 0],
  ['§5.3: Expires in another zone', ['Expires', date(60).replace('GMT', 'CET')], 0],
  ['§5.3: Expires twice', ['Expires', date(60), 'Expires', date(30)], 30 * second],
  ['§5.3: Expires twice, once invalid', ['Expires', date(60), 'Expires', 'x'], 0],
  ['§5.3: Expires far ahead', ['Expires', 'Fri, 31 Dec 9999 23:59:59 GMT'], longestDelta],
  [
    'RFC 9213 §2.1: CDN-Cache-Control before all',
    ['CDN-Cache-Control', 'max-age=5', 'Cache-Control', 's-maxage=60', 'Expires', date(90)],
    5 * second,
  ],
  [
    'RFC 9213 §2.1: CDN-Cache-Control without freshness, too',
    ['CDN-Cache-Control', 'public', 'Cache-Control', 's-maxage=60', 'Expires', date(90)],
    undefined,
  ],
] as const)
  test(`${section}: ${JSON.stringify(fields)} states ${String(expected)}`, () => {
    const answer = readCachingFields(fields, received);
    assert.equal(statedLifetime(answer, received), expected);
  });

const heuristics = { share: 0.1, most: day * second };
const modified = ['Last-Modified', date(-1000)];

const assumptions: readonly (readonly [
  what: string,
  status: number,
  fields: readonly string[],
  policy: FreshnessPolicy,
  expected: string,
])[] = [
  ['nothing', 200, modified, {}, 'none'],
  ['switched off', 200, modified, { heuristics: false }, 'none'],
  ['10 %', 200, modified, { heuristics }, 'heuristic 100000'],
  [
    '10 % of Date − Last-Modified',
    200,
    [...modified, 'Date', date(-500)],
    { heuristics },
    'heuristic 50000',
  ],
  ['before ttl', 200, modified, { heuristics, ttl: 5 }, 'heuristic 100000'],
  [
    'at most',
    200,
    ['Last-Modified', date(-100 * day)],
    { heuristics },
    `heuristic ${day * second}`,
  ],
  ['another share', 200, modified, { heuristics: { share: 0.5, most: 1e9 } }, 'heuristic 500000'],
  ['no Last-Modified', 200, [], { heuristics }, 'none'],
  ['no date', 200, ['Last-Modified', 'x'], { heuristics }, 'none'],
  ['changed in the future', 200, ['Last-Modified', date(5)], { heuristics }, 'none'],
  ['no Last-Modified, so ttl', 200, [], { heuristics, ttl: 5 }, 'ttl 5'],
  ...[200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].map(
    (status) => ['RFC 9110 §15.1', status, modified, { heuristics }, 'heuristic 100000'] as const,
  ),
  ...[201, 202, 302, 303, 307, 400, 401, 403, 429, 500, 502, 503, 299].map(
    (status) => ['RFC 9110 §15.1', status, modified, { heuristics }, 'none'] as const,
  ),
  ['§4.2.2', 302, [...modified, 'Cache-Control', 'public'], { heuristics }, 'heuristic 100000'],
  ...[200, 203, 204, 300, 301, 308, 404, 410].map(
    (status) => ['ttl', status, [], { ttl: 5000 }, 'ttl 5000'] as const,
  ),
  ...[201, 202, 302, 303, 307, 400, 401, 403, 405, 407, 414, 429, 500, 501, 502, 503, 504].map(
    (status) => ['no ttl', status, [], { ttl: 5000 }, 'none'] as const,
  ),
  ['ttl of an included status', 302, [], { ttl: 5, statuses: { include: [302] } }, 'ttl 5'],
  ...[401, 407, 500, 502].map(
    (status) =>
      ['never ttl', status, [], { ttl: 5, statuses: { include: [status] } }, 'none'] as const,
  ),
  ['negativeTtl', 502, [], { negativeTtl: { 502: 7 } }, 'ttl 7'],
  ['negativeTtl before ttl', 404, [], { ttl: 5, negativeTtl: { 404: 7 } }, 'ttl 7'],
  [
    'negativeTtl before heuristics',
    404,
    modified,
    { heuristics, negativeTtl: { 404: 0 } },
    'ttl 0',
  ],
  ['negativeTtl of another status', 500, [], { ttl: 5, negativeTtl: { 404: 7 } }, 'none'],
  ['no more than 2^31 seconds', 200, [], { ttl: Infinity }, `ttl ${longestDelta}`],
];

for (const [what, status, fields, policy, expected] of assumptions)
  test(`§4.2.2: ${what}, ${status}, ${JSON.stringify(fields)}, ${JSON.stringify(policy)}: ${expected}`, () => {
    const answer = readCachingFields(fields, received);
    const found = assumedFreshness(status, answer, policy, received);
    assert.equal(found === undefined ? 'none' : `${found.via} ${found.lifetime}`, expected);
  });
