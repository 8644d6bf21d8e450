import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invalidated } from '../../../lib/core/http/invalidation.ts';

const target = 'https://a.example/list/item?q=1';

// RFC 9111 §4.4
const methods: readonly (readonly [method: string, status: number, invalidates: boolean])[] = [
  ['POST', 200, true],
  ['PUT', 204, true],
  ['DELETE', 200, true],
  ['PATCH', 299, true],
  ['POST', 303, true],
  ['POST', 399, true],
  ['FROBNICATE', 200, true],
  ['get', 200, true],
  ['POST', 400, false],
  ['DELETE', 404, false],
  ['POST', 500, false],
  ['POST', 100, false],
  ['GET', 200, false],
  ['HEAD', 200, false],
  ['OPTIONS', 200, false],
  ['TRACE', 200, false],
  ['PROPFIND', 207, false],
  ['QUERY', 200, false],
  ['CONNECT', 200, false],
];

for (const [method, status, invalidates] of methods)
  test(`${method} with ${status} invalidates ${invalidates ? 'its target' : 'nothing'} (RFC 9111 §4.4)`, () => {
    const urls = invalidated(method, target, { status, fields: ['Location', '/other'] });
    assert.deepEqual(urls, invalidates ? [target, 'https://a.example/other'] : []);
  });

const references: readonly (readonly [value: string, url: string | undefined])[] = [
  ['/other', 'https://a.example/other'],
  ['other', 'https://a.example/list/other'],
  ['../other?x', 'https://a.example/other?x'],
  ['?x', 'https://a.example/list/item?x'],
  ['https://a.example/other', 'https://a.example/other'],
  ['HTTPS://A.example:443/other', 'https://a.example/other'],
  ['//a.example/other', 'https://a.example/other'],
  ['/other#part', 'https://a.example/other'],
  ['https://user:secret@a.example/other', 'https://a.example/other'],
  ['/caf\u00e9', 'https://a.example/caf%E9'],
  ['#part', undefined],
  [target, undefined],
  ['https://b.example/other', undefined],
  ['https://a.example:8443/other', undefined],
  ['http://a.example/other', undefined],
  ['https://a.example.b.example/', undefined],
  ['https://a.example@b.example/', undefined],
  ['//b.example/other', undefined],
  [String.raw`/\b.example/other`, undefined],
  [String.raw`\\a.example\other`, undefined],
  ['/\tother', undefined],
  ['/other\u0000', undefined],
  ['/other one', undefined],
  ['javascript:alert(1)', undefined],
  ['https://[', undefined],
  ['', undefined],
];

for (const name of ['Location', 'content-location'])
  for (const [value, url] of references)
    test(`${name}: ${JSON.stringify(value)} invalidates ${url ?? 'nothing more'} (RFC 9111 §4.4)`, () => {
      const urls = invalidated('POST', target, { status: 201, fields: [name, value] });
      assert.deepEqual(urls, url === undefined ? [target] : [target, url]);
    });

test('both are invalidated, each once; what is repeated is malformed', () => {
  const fields = ['Location', '/a', 'Content-Location', '/b'];
  assert.deepEqual(invalidated('POST', target, { status: 201, fields }), [
    target,
    'https://a.example/a',
    'https://a.example/b',
  ]);
  const same = ['Location', '/a', 'Content-Location', '/a'];
  assert.equal(invalidated('POST', target, { status: 201, fields: same }).length, 2);
  const repeated = ['Location', '/a', 'Location', '/b'];
  assert.deepEqual(invalidated('POST', target, { status: 201, fields: repeated }), [target]);
});

for (const other of ['garbage', 'mailto:a@b.example', '*'])
  test(`a target that is no http URL (${other}) is the only one`, () => {
    const urls = invalidated('POST', other, { status: 200, fields: ['Location', '/a'] });
    assert.deepEqual(urls, [other]);
  });
