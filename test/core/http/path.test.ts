import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  canonicalPath,
  isPlainPath,
  pathBytes,
  readPath,
  splitTarget,
  type PathDoubt,
} from '../../../lib/core/http/path.ts';

const readings: [path: string, canonical: string, ...suspicious: PathDoubt[]][] = [
  ['/', '/'],
  ['/blog/post-1.html', '/blog/post-1.html'],
  ["/a/b,c/~d_e!$&'()*+=:@f", "/a/b,c/~d_e!$&'()*+=:@f"],
  ['', '/'],
  ['*', '/*'],
  ['/.well-known/acme', '/.well-known/acme'],
  ['/a%20b', '/a b'],
  ['/caf%C3%A9', '/caf\xc3\xa9'],
  ['/caf\xc3\xa9', '/caf\xc3\xa9'],
  ['/100%25', '/100%'],
  ['/%61dmin/x', '/admin/x', 'encoded-unreserved'],
  ['/%7euser', '/~user', 'encoded-unreserved'],
  ['//admin/x', '/admin/x', 'double-slash'],
  ['/a///b', '/a/b', 'double-slash'],
  ['/a//', '/a/', 'double-slash'],
  ['/./admin/x', '/admin/x', 'dot-segment'],
  ['/a/.', '/a/', 'dot-segment'],
  ['/a/b/..', '/a/', 'dot-segment'],
  ['/a/..', '/', 'dot-segment'],
  ['/a/../admin/x', '/admin/x', 'dot-segment'],
  ['/../admin', '/admin', 'dot-segment', 'above-root'],
  ['/a/../../admin', '/admin', 'dot-segment', 'above-root'],
  ['/%2e/admin/x', '/admin/x', 'encoded-unreserved', 'dot-segment'],
  ['/blog/%2E%2e/admin', '/admin', 'encoded-unreserved', 'dot-segment'],
  ['/blog/.%2e/admin', '/admin', 'encoded-unreserved', 'dot-segment'],
  ['/admin%2Fx', '/admin/x', 'encoded-slash'],
  ['/a%2f%2fb', '/a/b', 'encoded-slash', 'double-slash'],
  ['/admin\\x', '/admin/x', 'backslash'],
  ['/admin%5Cx', '/admin/x', 'backslash'],
  ['\\admin', '/admin', 'backslash'],
  ['/admin;v=1/x', '/admin/x', 'path-parameter'],
  ['/admin%3bv=1/x', '/admin/x', 'path-parameter'],
  ['/a/..;/admin', '/admin', 'path-parameter', 'dot-segment'],
  ['/a/;x/b', '/a/b', 'path-parameter', 'double-slash'],
  ['/admin.', '/admin', 'trailing-dot'],
  ['/admin./x', '/admin/x', 'trailing-dot'],
  ['/admin%20/x', '/admin/x', 'trailing-dot'],
  ['/admin%20. .', '/admin', 'trailing-dot'],
  ['/admin%2e', '/admin', 'encoded-unreserved', 'trailing-dot'],
  ['/admin.;v=1', '/admin', 'path-parameter', 'trailing-dot'],
  ['/a/...', '/a/...', 'trailing-dot'],
  ['/a/..%20', '/a/.. ', 'trailing-dot'],
  ['/a/ /b', '/a/ /b', 'trailing-dot'],
  ['/a%20b', '/a b'],
  ['/a.b.c/.d', '/a.b.c/.d'],
  ['/admin%00.png', '/admin\0.png', 'nul'],
  ['/a%0d%0ab', '/a\r\nb', 'control'],
  ['/%2561dmin', '/admin', 'double-encoding', 'encoded-unreserved'],
  ['/a%252fb', '/a/b', 'double-encoding', 'encoded-slash'],
  ['/a%2525252fb', '/a/b', 'double-encoding', 'encoded-slash'],
  ['/a%%32%66b', '/a/b', 'encoded-unreserved', 'double-encoding', 'encoded-slash'],
  ['/wiki/C%23', '/wiki/C#', 'encoded-delimiter'],
  ['/what%3F', '/what?', 'encoded-delimiter'],
  ['/a#b', '/a#b', 'fragment'],
  ['/a%zz', '/a%zz', 'bad-encoding'],
  ['/a%', '/a%', 'bad-encoding'],
  ['/a%u002fb', '/a%u002fb', 'bad-encoding'],
  ['/admin%c0%afx', '/admin/x', 'bad-encoding', 'encoded-slash'],
  ['/admin%e0%80%afx', '/admin/x', 'bad-encoding', 'encoded-slash'],
  ['/%c1%a1dmin', '/admin', 'bad-encoding', 'encoded-unreserved'],
];

for (const [path, canonical, ...suspicious] of readings) {
  test(`readPath('${path}') is ${JSON.stringify(canonical)}, ${suspicious.join(' ') || 'not suspicious'}`, () => {
    const reading = readPath(path);
    assert.equal(reading.canonical, canonical);
    assert.deepEqual([...reading.suspicious].sort(), [...suspicious].sort());
  });
}

test('a plain path is its own canonical form, without a copy', () => {
  assert.equal(isPlainPath('/blog/post-1.html'), true);
  for (const path of [
    '',
    'a',
    '*',
    '/a%41',
    '//',
    '/.',
    '/a;b',
    '/a\\b',
    '/ü',
    '/a b',
    '/a#',
    '/a.',
    '/a./b',
    '/\0',
  ])
    assert.equal(isPlainPath(path), false, path);
});

for (const [url, path, query] of [
  ['/a?b', '/a', '?b'],
  ['/a?', '/a', '?'],
  ['/a?b?c=/../d', '/a', '?b?c=/../d'],
  ['/a', '/a', ''],
  ['?a', '', '?a'],
  ['', '', ''],
] as const) {
  test(`splitTarget('${url}') is '${path}' and '${query}'`, () => {
    assert.deepEqual(splitTarget(url), { path, query });
  });
}

test('the query is no part of the canonical path', () => {
  assert.equal(canonicalPath('/%61/../b?c=/../%2e'), '/b');
});

test('other characters are compared by their UTF-8 bytes', () => {
  assert.equal(readPath('/%E2%82%AC').canonical, pathBytes('/€'));
  assert.equal(readPath('/€').canonical, pathBytes('/€'));
});

const atoms = fc.oneof(
  fc.constantFrom(
    ...[
      '/',
      '\\',
      '.',
      '..',
      '%',
      '%2',
      '2',
      '5',
      'e',
      'f',
      ';',
      'a',
      '?',
      '#',
      '\0',
      '%2e',
      '%2F',
    ],
    ...['%5c', '%25', '%00', '%3b', '%c0', '%ae', '%af', '%e0', '%80', '\xc0', '\xaf', '€', ' '],
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const nastyPath: fc.Arbitrary<string> = fc
  .array(atoms, { maxLength: 24 })
  .map((parts) => `/${parts.join('')}`);

test('fuzz: never throws, is idempotent, and the canonical form hides nothing', () => {
  fc.assert(
    fc.property(nastyPath, (path) => {
      const { canonical, suspicious } = readPath(path);
      assert.equal(readPath(canonical).canonical, canonical);
      assert.match(canonical, /^\/[^;\\]*$/);
      assert.doesNotMatch(canonical, /\/\/|\/\.\.?(?:\/|$)|%[\da-f]{2}/i);
      if (isPlainPath(path)) assert.equal(canonical, path);
      if (suspicious.length === 0) assert.equal(canonical, decodedOnce(path));
    }),
    { numRuns: 5000 },
  );
});

/** What any server makes of a path that nobody can misread. */
function decodedOnce(path: string): string {
  return pathBytes(path).replace(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}

test('a path made to be decoded thousands of times is read in one pass', () => {
  const path = `/${'%25'.repeat(1)}${'25'.repeat(200_000)}61`;
  assert.equal(readPath(path).canonical, '/a');
});
