import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPlainPath, readPath, type PathDoubt } from '../../lib/core/http/path.ts';
import { Normalisation } from '../../lib/url-filter/normalisation.ts';
import type { UrlFilterOptions } from '../../lib/url-filter/index.ts';
import { filtered } from './support.ts';

const strict = new Normalisation(new Set());

for (const [path, rewritten] of [
  ['/%7Euser', '/~user'],
  ['/%61%2d%5f%2Ec/b', '/a-_.c/b'],
  ['//a', '/a'],
  ['/a///b//', '/a/b/'],
  ['/a/./b', '/a/b'],
  ['/a/../b/c', '/b/c'],
  ['/a/b/..', '/a/'],
  ['/a/.', '/a/'],
  ['/a/..', '/'],
  ['/%61//%62', '/a/b'],
  ['//a%20b/%E2%82%AC', '/a%20b/%E2%82%AC'],
] as const)
  test(`${path} is rewritten to ${rewritten}`, () => {
    assert.deepEqual(strict.own(path), {
      paths: [readPath(rewritten).canonical],
      rewritten,
      refused: undefined,
    });
    assert.equal(readPath(rewritten).canonical, readPath(path).canonical);
  });

for (const [path, canonical] of [
  ['/a/b', '/a/b'],
  ['/a%20b', '/a b'],
  ['/100%25', '/100%'],
] as const)
  test(`${path} stays as it is`, () => {
    assert.deepEqual(strict.own(path), {
      paths: [canonical],
      rewritten: undefined,
      refused: undefined,
    });
  });

for (const [path, doubt] of [
  ['/a%2Fb', 'encoded-slash'],
  ['/a\\b', 'backslash'],
  ['/a%5cb', 'backslash'],
  ['/a%00', 'nul'],
  ['/a%0d%0ab', 'control'],
  ['/%2561', 'double-encoding'],
  ['/a;v=1', 'path-parameter'],
  ['/a%3bv', 'path-parameter'],
  ['/a.', 'trailing-dot'],
  ['/a%20', 'trailing-dot'],
  ['/a%20./b', 'trailing-dot'],
  ['/a%3Fb', 'encoded-delimiter'],
  ['/C%23', 'encoded-delimiter'],
  ['/a#b', 'fragment'],
  ['/a%zz', 'bad-encoding'],
  ['/%c0%af', 'bad-encoding'],
  ['/../a', 'dot-segment'],
  ['/%2e/a', 'dot-segment'],
  ['/a/%2e%2E/b', 'dot-segment'],
  ['/a//../b', 'dot-segment'],
] as const)
  test(`${path} is refused: ${doubt}`, async (t) => {
    const { ask } = await filtered(t);
    const { status, json } = await ask(path);
    assert.equal(status, 400);
    // Node itself refuses a few.
    if (json.code === undefined) return;
    assert.equal(json.code, 'ERR_SEKISHO_BAD_PATH');
    assert.equal(json.filter, 'malformed');
    assert.ok(readPath(path).suspicious.includes(doubt));
    assert.ok(readPath(path).suspicious.includes(json.detail as PathDoubt), json.detail);
  });

for (const [allow, path, deny, status, url] of [
  [['encoded-slash'], '/a%2Fb', '/x', 200, '/a%2Fb'],
  [['encoded-slash'], '/a%2Fb', '/a/b', 403, undefined],
  [['encoded-slash'], '/a%2Fb', '/a', 403, undefined],
  [['encoded-slash'], '/a%2F..%2Fb', '/b', 400, undefined],
  [['encoded-slash', 'dot-segment'], '/a%2F..%2Fb', '/b', 403, undefined],
  [['encoded-slash', 'dot-segment'], '/a%2F..%2Fb', '/a', 403, undefined],
  [['path-parameter'], '/a;v=1/b', '/a', 403, undefined],
  [['path-parameter'], '/b;v=1/~c', '/a', 200, '/b;v=1/~c'],
  [['path-parameter'], '/b;v=1/%7Ec', '/a', 200, '/b;v=1/~c'],
  [['trailing-dot'], '/a./b', '/a', 403, undefined],
  [['trailing-dot'], '/a%20/b', '/a/b', 403, undefined],
  [['trailing-dot'], '/wiki/Inc.', '/a', 200, '/wiki/Inc.'],
  [['double-slash'], '/web//http://x', '/a', 200, '/web//http://x'],
  [['double-slash'], '//a', '/a', 403, undefined],
  [['encoded-unreserved'], '/%7Euser', '/~user', 403, undefined],
  [['encoded-unreserved'], '/%7Euser', '/x', 200, '/%7Euser'],
  [['dot-segment'], '/a/../b', '/a', 403, undefined],
  [['dot-segment'], '/a/../b', '/b', 403, undefined],
  [['dot-segment'], '/a/../c', '/b', 200, '/a/../c'],
  [['encoded-delimiter'], '/C%23', '/C', 403, undefined],
  [['encoded-delimiter'], '/wiki/C%23', '/C', 200, '/wiki/C%23'],
  [['nul'], '/a%00b', '/a', 403, undefined],
  [['backslash'], '/a%5Cb', '/a', 403, undefined],
  [['double-encoding', 'encoded-unreserved'], '/%2561', '/a', 403, undefined],
] as const)
  test(`allow ${allow.join(' ')}, deny ${deny}: ${path} is answered ${status}`, async (t) => {
    const options = { deny: [deny], normalize: { allow } } as UrlFilterOptions;
    const { ask } = await filtered(t, options);
    const answer = await ask(path);
    assert.deepEqual([answer.status, answer.json.url], [status, url]);
  });

for (const path of [
  '/a%2Fb',
  '/a;b',
  '//a',
  '/%61',
  '/x/../a',
  '/a%00',
  '/%2561',
  '/a%3f',
  '/a%5cb',
])
  test(`normalize: false passes ${path} as it is, and judges what it may mean`, async (t) => {
    const { ask } = await filtered(t, { normalize: false, deny: ['/a'] });
    assert.equal((await ask(path)).status, 403);
    const free = await filtered(t, { normalize: false, deny: ['/other'] });
    assert.equal((await free.ask(path)).json.url, path);
  });

test('what is allowed has to be so in every reading', async (t) => {
  const { ask } = await filtered(t, { normalize: false, allow: ['/public'] });
  for (const path of [
    '/public/..%2fsecret',
    '/secret/..%2fpublic',
    '/public%2f..%2fsecret',
    '/secret/../public',
  ])
    assert.equal((await ask(path)).status, 403, path);
  assert.equal((await ask('/public/a%2fb')).status, 200);
});

test('targets that are no path', async (t) => {
  const { ask } = await filtered(t, { deny: ['/a'] });
  assert.equal((await ask('*', { method: 'OPTIONS' })).status, 200);
});

test('a path of 12 KB of traps is judged at once', async (t) => {
  const { ask } = await filtered(t, { deny: ['/**/a/**/b/**/c', /(a+)+$/] });
  assert.equal((await ask(`/${'a/'.repeat(6000)}a`)).status, 403);
  assert.equal((await ask(`/${'%25'.repeat(4000)}61`)).status, 400);
  const off = await filtered(t, { normalize: false, deny: ['/**/a/**/b/**/c'] });
  assert.equal((await off.ask(`/${'a%2f..%5c;'.repeat(1200)}`)).status, 200);
});

const atoms = fc.oneof(
  fc.constantFrom(
    ...[
      '/',
      '//',
      '.',
      '..',
      ';',
      '\\',
      '%',
      '%2',
      '%2e',
      '%2F',
      '%5c',
      '%25',
      '%00',
      '%3f',
      '%23',
      '%7E',
      '%61',
    ],
    ...['a', '~', ' ', '%20', '%c3%a9', '%c0%af', '%u00', '#'],
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 2 }),
);
const anyPath = fc.array(atoms, { maxLength: 16 }).map((parts) => `/${parts.join('')}`);

test('fuzz: what is not refused has one reading, and goes on in a spelling that has no other', () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      const { paths, rewritten, refused } = strict.own(path);
      if (refused !== undefined) return;
      const goesOn = rewritten ?? path;
      const { canonical, suspicious } = readPath(goesOn);
      assert.deepEqual(suspicious, []);
      assert.deepEqual(paths, [canonical]);
      assert.equal(canonical, readPath(path).canonical);
      assert.equal(strict.own(goesOn).rewritten, undefined);
      if (isPlainPath(path)) assert.equal(rewritten, undefined);
    }),
    { numRuns: 5000 },
  );
});

test('fuzz: whatever is allowed, nothing throws, and some reading is judged', () => {
  const all = new Normalisation(new Set(Object.keys(everyDoubt) as PathDoubt[]));
  fc.assert(
    fc.property(anyPath, (path) => {
      const { paths, rewritten, refused } = all.own(path);
      assert.equal(refused, undefined);
      assert.equal(rewritten, undefined);
      assert.ok(paths.includes(readPath(path).canonical));
      assert.deepEqual(all.foreign(path).paths, paths);
    }),
    { numRuns: 3000 },
  );
});

const everyDoubt: Record<PathDoubt, true> = {
  'encoded-slash': true,
  'dot-segment': true,
  'above-root': true,
  'double-slash': true,
  backslash: true,
  nul: true,
  control: true,
  'double-encoding': true,
  'path-parameter': true,
  'trailing-dot': true,
  'encoded-unreserved': true,
  'encoded-delimiter': true,
  fragment: true,
  'bad-encoding': true,
};
