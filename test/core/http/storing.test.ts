import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCacheControl } from '../../../lib/core/http/cache-control.ts';
import { longestDelta } from '../../../lib/core/http/delta-seconds.ts';
import { formatHttpDate } from '../../../lib/core/http/http-date.ts';
import {
  judgeStoring,
  type StoringPolicy,
  type StoringRequest,
} from '../../../lib/core/http/storing.ts';

const received = Date.UTC(2025, 0, 1);
const times = { requested: received, received };
const anonymous: StoringRequest = {
  method: 'GET',
  directives: undefined,
  credentials: false,
  cookies: false,
};

interface Case {
  readonly request?: Partial<StoringRequest>;
  readonly status?: number;
  /** Lines such as `Name: value`. */
  readonly fields?: readonly string[];
  readonly policy?: StoringPolicy;
}

function judge({
  request,
  status = 200,
  fields = [],
  policy = {},
}: Case): ReturnType<typeof judgeStoring> {
  const pairs = fields.flatMap((line) => {
    const colon = line.indexOf(': ');
    return [line.slice(0, colon), line.slice(colon + 2)];
  });
  return judgeStoring({ ...anonymous, ...request }, { status, fields: pairs }, policy, times);
}

/** `via` of what is stored, or the reason why it is not. */
function verdict(situation: Case): string {
  const judged = judge(situation);
  return judged.store ? `stored: ${judged.via}` : judged.reason;
}

const fresh = 'Cache-Control: max-age=60';
const ttl: StoringPolicy = { ttl: 600_000 };
const etag = 'ETag: "a"';
const modified = 'Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT';
const cookie = 'Set-Cookie: a=b';
const credentials = { credentials: true };
const cookies = { cookies: true };
const url = 'http://shop.example/cart?a=1';
const post = { method: 'POST', url } as const;
const withPost: StoringPolicy = { methods: ['GET', 'POST'] };

function control(value: string): string {
  return `Cache-Control: ${value}`;
}

const rows: readonly (readonly [section: string, situation: Case, expected: string])[] = [
  // Method
  ['§3', { fields: [fresh] }, 'stored: explicit'],
  ...['HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'QUERY', 'FOO', 'get', ''].map(
    (method) => ['§3', { request: { method }, fields: [fresh] }, 'method'] as const,
  ),
  ['§3', { request: { method: 'PUT' }, fields: [fresh], policy: { methods: ['PUT'] } }, 'method'],
  ['§3', { fields: [fresh], policy: { methods: ['HEAD'] } }, 'method'],
  ...(
    [
      [{ request: post, fields: [fresh, `Content-Location: ${url}`] }, 'method'],
      [
        { request: post, policy: withPost, fields: [fresh, `Content-Location: ${url}`] },
        'stored: explicit',
      ],
      [
        { request: post, policy: withPost, fields: [fresh, 'Content-Location: /cart?a=1'] },
        'stored: explicit',
      ],
      [
        {
          request: post,
          policy: withPost,
          fields: [fresh, 'Content-Location: HTTP://SHOP.example:80/cart?a=1'],
        },
        'stored: explicit',
      ],
      [{ request: post, policy: withPost, fields: [fresh, 'Content-Location: ?a=2'] }, 'method'],
      [
        {
          request: post,
          policy: withPost,
          fields: [fresh, 'Content-Location: //evil.example/cart?a=1'],
        },
        'method',
      ],
      [
        { request: post, policy: withPost, fields: [fresh, 'Content-Location: http://['] },
        'method',
      ],
      [
        {
          request: post,
          policy: withPost,
          fields: [fresh, `Content-Location: ${url}`, 'Content-Location: /b'],
        },
        'method',
      ],
      [{ request: post, policy: withPost, fields: [fresh] }, 'method'],
      [
        {
          request: post,
          policy: withPost,
          status: 201,
          fields: [fresh, `Content-Location: ${url}`],
        },
        'method',
      ],
      [
        { request: post, policy: { ...withPost, ...ttl }, fields: [`Content-Location: ${url}`] },
        'method',
      ],
      [{ request: post, policy: withPost, fields: [etag, `Content-Location: ${url}`] }, 'method'],
      [
        {
          request: post,
          policy: withPost,
          fields: [etag, control('max-age=60, no-cache'), `Content-Location: ${url}`],
        },
        'method',
      ],
      [
        {
          request: post,
          policy: withPost,
          fields: [control('max-age=60, private'), `Content-Location: ${url}`],
        },
        'private',
      ],
      [
        {
          request: { method: 'POST' },
          policy: withPost,
          fields: [fresh, `Content-Location: ${url}`],
        },
        'method',
      ],
    ] as const
  ).map(([situation, expected]) => ['RFC 9110 §9.3.3', situation, expected] as const),

  // Status
  ...[
    200, 201, 202, 203, 204, 205, 299, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410,
    418, 429, 451, 500, 502, 503, 504, 599,
  ].map(
    (status) => ['§3: any final status', { status, fields: [fresh] }, 'stored: explicit'] as const,
  ),
  ...[100, 101, 103, 199].map((status) => ['§3', { status, fields: [fresh] }, 'interim'] as const),
  ['§3.3', { status: 206, fields: [fresh] }, 'partial'],
  ['§4.3.3', { status: 304, fields: [fresh] }, 'not-modified'],
  ['RFC 9110 §13.1', { status: 412, fields: [fresh] }, 'precondition'],
  ['RFC 9110 §14.2', { status: 416, fields: [fresh] }, 'precondition'],
  ...[0, 99, 600, -200, Number.NaN].map(
    (status) => ['RFC 9110 §15', { status, fields: [fresh] }, 'status'] as const,
  ),
  ['statuses.include', { fields: [fresh], policy: { statuses: { include: [404] } } }, 'status'],
  [
    'statuses.include',
    { status: 404, fields: [fresh], policy: { statuses: { include: [404] } } },
    'stored: explicit',
  ],
  [
    'statuses.exclude',
    { status: 404, fields: [fresh], policy: { statuses: { exclude: [404] } } },
    'status',
  ],
  [
    'statuses.exclude',
    { fields: [fresh], policy: { statuses: { exclude: [404] } } },
    'stored: explicit',
  ],
  [
    'statuses',
    { status: 404, policy: { ...ttl, statuses: { include: [404], exclude: [404] } } },
    'status',
  ],

  // What is said
  [
    '§5.2.1.5',
    { request: { directives: parseCacheControl(['no-store']) }, fields: [fresh] },
    'request-no-store',
  ],
  [
    '§5.2.1.5',
    { request: { directives: parseCacheControl(['no-cache, max-age=0']) }, fields: [fresh] },
    'stored: explicit',
  ],
  ['§5.2.2.5', { fields: [control('no-store, max-age=60')] }, 'no-store'],
  ['§5.2.2.5', { fields: [fresh, control('NO-STORE')], policy: ttl }, 'no-store'],
  ['§5.2.2.5', { fields: [control('no-store; max-age=60')], policy: ttl }, 'no-store'],
  ['§5.2.2.7', { fields: [control('private, max-age=60')] }, 'private'],
  ['§5.2.2.7', { fields: [control('private, public, s-maxage=60')] }, 'private'],
  ['§5.2.2.7', { fields: [control('private="x-a, max-age=60')], policy: ttl }, 'private'],
  ['§5.2.2.7', { fields: [control('private="x-a", max-age=60')] }, 'stored: explicit'],
  ['§5.2.2.3', { fields: [control('must-understand, no-store, max-age=60')] }, 'stored: explicit'],
  ['§5.2.2.3', { fields: [control('must-understand, max-age=60')] }, 'stored: explicit'],
  [
    '§5.2.2.3',
    { status: 299, fields: [control('must-understand, max-age=60')] },
    'must-understand',
  ],
  [
    '§5.2.2.3',
    { status: 599, fields: [control('must-understand, no-store, max-age=60')] },
    'must-understand',
  ],
  ['§5.2.2.3', { fields: [control('must-understand, no-store, private, max-age=60')] }, 'private'],
  ['§5.2.2.3', { fields: [control('must-understand=x, max-age=60')] }, 'no-store'],
  [
    '§5.2.2.3',
    {
      request: { directives: parseCacheControl(['no-store']) },
      fields: [control('must-understand, max-age=60')],
    },
    'request-no-store',
  ],
  ['§4.1', { fields: [fresh, 'Vary: Accept, *'] }, 'vary-any'],
  ['§4.1', { fields: [fresh, 'Vary: Accept'] }, 'stored: explicit'],
  ['§7.3', { fields: [fresh, cookie] }, 'set-cookie'],
  ['§7.3', { fields: [control('public, s-maxage=60'), cookie] }, 'set-cookie'],
  ['§7.3', { fields: [control('max-age=60, no-cache="set-cookie"'), cookie] }, 'stored: explicit'],
  ['§7.3', { fields: [control('max-age=60, private="Set-Cookie"'), cookie] }, 'stored: explicit'],
  ['§7.3', { fields: [control('max-age=60, private="x-a"'), cookie] }, 'set-cookie'],
  [
    '§5.4: Pragma in an answer means nothing',
    { fields: [fresh, 'Pragma: no-cache'] },
    'stored: explicit',
  ],
  ['RFC 9213 §2.1', { fields: ['CDN-Cache-Control: no-store', fresh] }, 'no-store'],
  [
    'RFC 9213 §2.1',
    { fields: ['CDN-Cache-Control: max-age=60', control('private, no-store')] },
    'stored: explicit',
  ],
  [
    'RFC 9213 §2.1',
    { fields: ['CDN-Cache-Control: max-age=60, x=', control('private')] },
    'private',
  ],

  // Freshness and validators
  ['§3', {}, 'no-freshness'],
  ['§3', { fields: [etag] }, 'stored: validator'],
  ['§3', { fields: [modified] }, 'stored: validator'],
  ['§3', { fields: ['ETag: garbage', 'Last-Modified: garbage'] }, 'no-freshness'],
  ['§3', { fields: [etag], policy: { keepForValidation: 0 } }, 'no-freshness'],
  ['§3', { fields: [control('public')] }, 'no-freshness'],
  ['§3', { policy: ttl }, 'stored: ttl'],
  ['§3', { status: 404, policy: ttl }, 'stored: ttl'],
  ['§3', { status: 401, policy: ttl }, 'no-freshness'],
  ['§3', { status: 502, policy: ttl }, 'no-freshness'],
  ['§3', { status: 502, policy: { ...ttl, negativeTtl: { 502: 1000 } } }, 'stored: ttl'],
  ['§3', { status: 404, policy: { ...ttl, negativeTtl: { 404: 0 } } }, 'no-freshness'],
  [
    '§4.2.2',
    { fields: [modified], policy: { heuristics: { share: 0.1, most: 1e9 } } },
    'stored: heuristic',
  ],
  ['§4.2.1: stated before assumed', { fields: [control('max-age=0')], policy: ttl }, 'expired'],
  ['§4.2.1: stated before assumed', { fields: ['Expires: 0'], policy: ttl }, 'expired'],
  ['§4.2.1', { fields: [control('max-age=x')], policy: ttl }, 'expired'],
  ['§4.2.1', { fields: [control('max-age=0'), etag] }, 'stored: validator'],
  ['§4.2.1', { fields: [control('max-age=0'), etag], policy: { keepForValidation: 0 } }, 'expired'],
  ['§4.2.3', { fields: [fresh, 'Age: 59'] }, 'stored: explicit'],
  ['§4.2.3', { fields: [fresh, 'Age: 60'] }, 'expired'],
  ['§4.2.3', { fields: [fresh, 'Age: 60', etag] }, 'stored: validator'],
  ['§4.2.3', { policy: ttl, fields: ['Age: 600'] }, 'no-freshness'],
  ['§4.2.3', { fields: [fresh, `Date: ${formatHttpDate(received - 60_000)}`] }, 'expired'],
  ['§5.2.2.4', { fields: [control('no-cache, max-age=60')] }, 'no-cache'],
  ['§5.2.2.4', { fields: [control('no-cache, max-age=60'), etag] }, 'stored: validator'],
  ['§5.2.2.4', { fields: [control('no-cache')], policy: ttl }, 'no-cache'],
  ['RFC 5861 §3', { fields: [control('max-age=0, stale-while-revalidate=5')] }, 'stored: explicit'],
  ['RFC 5861 §4', { fields: [control('max-age=0, stale-if-error=5')] }, 'stored: explicit'],
  ['RFC 5861 §4', { fields: [control('max-age=0, stale-if-error=5, must-revalidate')] }, 'expired'],
  [
    'RFC 5861 §3',
    { fields: [control('max-age=10, stale-while-revalidate=5'), 'Age: 15'] },
    'expired',
  ],
  ['RFC 5861 §3', { fields: [control('stale-while-revalidate=5')] }, 'no-freshness'],
  [
    'RFC 5861 §3',
    { fields: [control('max-age=0')], policy: { staleWhileRevalidate: 5000, staleIfError: 5000 } },
    'expired',
  ],

  // Credentials
  ['§3.5', { request: credentials, fields: [fresh] }, 'authorization'],
  ['§3.5', { request: credentials, policy: ttl }, 'authorization'],
  ['§3.5', { request: credentials, fields: [etag] }, 'authorization'],
  [
    '§3.5',
    { request: credentials, fields: [control('proxy-revalidate, max-age=60')] },
    'authorization',
  ],
  ['§3.5', { request: credentials, fields: [control('public, max-age=60')] }, 'stored: explicit'],
  ['§3.5', { request: credentials, fields: [control('s-maxage=60')] }, 'stored: explicit'],
  ['§3.5', { request: credentials, fields: [control('s-maxage=x'), etag] }, 'authorization'],
  [
    '§3.5',
    { request: credentials, fields: [control('must-revalidate, max-age=60')] },
    'stored: explicit',
  ],
  [
    '§3.5',
    { request: credentials, fields: [control('must-revalidate, max-age=0'), etag] },
    'stored: validator',
  ],
  [
    '§3.5',
    { request: credentials, fields: [control('must-revalidate, max-age=0'), modified] },
    'authorization',
  ],
  [
    '§3.5',
    { request: credentials, fields: [control('must-revalidate')], policy: ttl },
    'authorization',
  ],
  ['§3.5', { request: credentials, fields: [control('public')], policy: ttl }, 'stored: ttl'],
  ['§3.5', { request: credentials, fields: [control('public, private, max-age=60')] }, 'private'],

  // Cookies
  ['§7.3', { request: cookies, fields: [fresh] }, 'stored: explicit'],
  ['§7.3', { request: cookies, fields: [control('public, max-age=60')] }, 'stored: explicit'],
  ['§7.3', { request: cookies, policy: ttl }, 'cookie'],
  [
    '§7.3',
    { request: cookies, fields: [modified], policy: { heuristics: { share: 0.1, most: 1e9 } } },
    'cookie',
  ],
  ['§7.3', { request: cookies, fields: [control('public')], policy: ttl }, 'no-freshness'],
  ['§7.3', { request: cookies, fields: [etag] }, 'cookie'],
  ['§7.3', { request: cookies, fields: [control('max-age=0'), modified] }, 'cookie'],
  ['§7.3', { request: cookies, fields: [control('no-cache, max-age=60'), modified] }, 'cookie'],
  [
    '§7.3',
    { request: cookies, fields: [control('max-age=0, stale-while-revalidate=60')] },
    'cookie',
  ],
  [
    '§7.3',
    { request: cookies, fields: [control('public, max-age=0'), modified] },
    'stored: validator',
  ],
  ['§7.3', { request: { ...cookies, ...credentials }, fields: [fresh] }, 'authorization'],

  // Words that are declared void
  [
    'ignore',
    { fields: [control('no-store')], policy: { ...ttl, ignore: ['no-store'] } },
    'stored: ttl',
  ],
  [
    'ignore',
    { fields: [control('no-store, private')], policy: { ...ttl, ignore: ['no-store'] } },
    'private',
  ],
  [
    'ignore',
    { fields: [control('private')], policy: { ...ttl, ignore: ['private'] } },
    'stored: ttl',
  ],
  [
    'ignore',
    { fields: [control('no-cache')], policy: { ...ttl, ignore: ['no-cache'] } },
    'stored: ttl',
  ],
  [
    'ignore',
    {
      fields: [control('max-age=0, s-maxage=0'), 'Expires: 0'],
      policy: { ...ttl, ignore: ['freshness'] },
    },
    'stored: ttl',
  ],
  ['ignore', { fields: [fresh], policy: { ignore: ['freshness'] } }, 'no-freshness'],
  ['ignore', { fields: [cookie], policy: { ...ttl, ignore: ['set-cookie'] } }, 'stored: ttl'],
  [
    'ignore',
    {
      request: { directives: parseCacheControl(['no-store']) },
      policy: { ...ttl, ignore: ['no-store'] },
    },
    'request-no-store',
  ],
  [
    'ignore',
    {
      fields: ['Vary: *'],
      policy: {
        ...ttl,
        ignore: ['no-store', 'private', 'no-cache', 'freshness', 'must-revalidate', 'set-cookie'],
      },
    },
    'vary-any',
  ],
  ...(['private', 'no-store'] as const).flatMap((word) => [
    [
      'ignore, with cookies',
      { request: cookies, fields: [control(`${word}, max-age=60`)], policy: { ignore: [word] } },
      word,
    ] as const,
    [
      'ignore, with credentials',
      {
        request: credentials,
        fields: [control(`${word}, public, max-age=60`)],
        policy: { ignore: [word] },
      },
      word,
    ] as const,
  ]),
  [
    'ignore, with cookies',
    { request: cookies, fields: [fresh, cookie], policy: { ignore: ['set-cookie'] } },
    'set-cookie',
  ],
];

for (const [index, [section, situation, expected]] of rows.entries())
  test(`${section}: ${expected} (row ${index}: ${JSON.stringify(situation)})`, () => {
    assert.equal(verdict(situation), expected);
  });

const keeping: StoringPolicy = { keepForValidation: 1000 };
const stale: StoringPolicy = { ...ttl, staleWhileRevalidate: 7000, staleIfError: 8000 };

const validities: readonly (readonly [
  section: string,
  situation: Case,
  expected: Record<string, unknown>,
])[] = [
  [
    '§4.2',
    { fields: [fresh] },
    { lifetime: 60_000, initialAge: 0, keepFor: 60_000, neverStale: false, alwaysValidate: false },
  ],
  [
    '§4.2.3',
    { fields: [fresh, 'Age: 10'] },
    { lifetime: 60_000, initialAge: 10_000, keepFor: 50_000 },
  ],
  [
    '§4.2.3',
    { fields: [fresh, 'Age: 99', etag], policy: keeping },
    { initialAge: 99_000, keepFor: 1000 },
  ],
  ['keepForValidation', { fields: [fresh, etag], policy: keeping }, { keepFor: 61_000 }],
  ['keepForValidation', { fields: [fresh], policy: keeping }, { keepFor: 60_000 }],
  ['keepForValidation, a day', { fields: [fresh, modified] }, { keepFor: 60_000 + 86_400_000 }],
  [
    'RFC 5861 §3',
    { fields: [control('max-age=60, stale-while-revalidate=5, stale-if-error=10')] },
    { staleWhileRevalidate: 5000, staleIfError: 10_000, keepFor: 70_000 },
  ],
  [
    'RFC 5861 §3',
    { policy: stale },
    { lifetime: 600_000, staleWhileRevalidate: 7000, staleIfError: 8000, keepFor: 608_000 },
  ],
  [
    'RFC 5861 §3: the answer before the policy',
    { fields: [control('max-age=60, stale-while-revalidate=0, stale-if-error=1')], policy: stale },
    { staleWhileRevalidate: 0, staleIfError: 1000 },
  ],
  [
    'RFC 5861 §3: malformed is none',
    { fields: [control('max-age=60, stale-while-revalidate=x')], policy: stale },
    { staleWhileRevalidate: 0, staleIfError: 8000 },
  ],
  [
    'RFC 5861 §3: what was never fresh',
    { fields: [control('max-age=0'), etag], policy: stale },
    { staleWhileRevalidate: 0, staleIfError: 0 },
  ],
  ...(['must-revalidate', 'proxy-revalidate', 's-maxage=60', 'no-cache'] as const).map(
    (word) =>
      [
        '§4.2.4',
        {
          fields: [
            control(`max-age=60, stale-while-revalidate=5, stale-if-error=5, ${word}`),
            etag,
          ],
          policy: stale,
        },
        {
          neverStale: true,
          alwaysValidate: word === 'no-cache',
          staleWhileRevalidate: 0,
          staleIfError: 0,
        },
      ] as const,
  ),
  [
    '§5.2.2.4: qualified',
    { fields: [control('max-age=60, no-cache="x-a"')] },
    { neverStale: false, alwaysValidate: false, withoutFields: ['x-a'] },
  ],
  [
    '§5.2.2.7: qualified',
    { fields: [control('max-age=60, no-cache="x-a", private="x-b"')] },
    { withoutFields: ['x-a', 'x-b'] },
  ],
  ['no fields', { fields: [fresh] }, { withoutFields: [] }],
  [
    'ignore: no-cache',
    {
      fields: [control('max-age=60, no-cache, no-cache="x-a", private="x-b"')],
      policy: { ignore: ['no-cache'] },
    },
    { neverStale: false, alwaysValidate: false, withoutFields: ['x-b'] },
  ],
  [
    'ignore: private',
    {
      fields: [control('max-age=60, no-cache="x-a", private="x-b"')],
      policy: { ignore: ['private'] },
    },
    { withoutFields: ['x-a'] },
  ],
  [
    'ignore: set-cookie',
    { fields: [fresh, cookie], policy: { ignore: ['set-cookie'] } },
    { withoutFields: ['set-cookie'] },
  ],
  [
    'ignore: must-revalidate',
    {
      fields: [control('s-maxage=60, must-revalidate, proxy-revalidate, stale-if-error=5')],
      policy: { ignore: ['must-revalidate'] },
    },
    { lifetime: 60_000, neverStale: false, staleIfError: 5000 },
  ],
  [
    'ignore: freshness',
    {
      fields: [control('s-maxage=60, stale-if-error=5')],
      policy: { ...ttl, ignore: ['freshness'] },
    },
    { lifetime: 600_000, neverStale: false, staleIfError: 5000 },
  ],
  [
    '§1.2.2',
    { fields: [control('max-age=9999999999, stale-if-error=9999999999')] },
    { lifetime: longestDelta, staleIfError: longestDelta },
  ],
  [
    '§1.2.2',
    { policy: { ttl: Infinity, staleIfError: Infinity } },
    { lifetime: longestDelta, staleIfError: longestDelta },
  ],
];

for (const [index, [section, situation, expected]] of validities.entries())
  test(`${section}: ${JSON.stringify(expected)} (row ${index}: ${JSON.stringify(situation)})`, () => {
    const judged = judge(situation);
    assert.ok(judged.store);
    const { validity, ...rest } = judged;
    assert.equal(validity.received, received);
    assert.deepEqual(JSON.parse(JSON.stringify(validity)), validity);
    const all: Record<string, unknown> = { ...validity, ...rest };
    assert.deepEqual(
      Object.fromEntries(Object.keys(expected).map((key) => [key, all[key]])),
      expected,
    );
  });
