import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { returnPath } from '../../lib/auth-gate/login-return.ts';

for (const target of [
  ...[
    '/',
    '/wiki/page?id=1',
    '/a//b',
    '/a?to=//evil.example',
    '/a?to=https://evil.example',
    '/%20x',
  ],
  ...['/k%C3%A4se', '/100%', '/a?x=%0d', '/a?x=1#//y', '/.well-known/x'],
])
  test(`${target} is a page of ours`, () => {
    assert.equal(returnPath(target), target);
  });

for (const target of [
  ...[
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\\/evil.example',
  ],
  ...['https:evil.example', 'https://evil.example', 'javascript:alert(1)', 'evil.example', ''],
  ...[
    '/\tevil',
    '/\t/evil.example',
    '/ /evil.example',
    '/\n/evil.example',
    '/a\r\nSet-Cookie: x=1',
  ],
  ...['/%2fevil.example', '/%2F%2Fevil.example', '/%5cevil.example', '/%5C%5Cevil.example'],
  ...['/%252fevil.example', '/%255cevil.example', '/%09/evil.example', '/a%0d%0ax', '/%00'],
  ...['/a?x=\r\ny', `/${'a'.repeat(3000)}`, '*'],
])
  test(`${JSON.stringify(target.slice(0, 40))} is none`, () => {
    assert.equal(returnPath(target), '/');
  });

test('wherever it leads, it leads to ourselves', () => {
  const pieces = fc.constantFrom(
    ...['/', '\\', '.', '..', ':', '@', '?', '#', 'evil.example', 'https:', '%2f', '%5c', '%252f'],
    ...['\t', '\n', ' ', '%09', '%0a', 'a'],
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
      const path = returnPath(parts.join(''));
      assert.equal(new URL(path, 'https://www.example.com/x').origin, 'https://www.example.com');
      assert.match(path, /^\/(?![/\\])/);
      const decoded = path
        .split(/[?#]/, 1)[0]!
        .replace(/%(2f|5c|09|0a)/gi, (escape) => decodeURIComponent(escape));
      assert.equal(new URL(decoded, 'https://www.example.com/x').origin, 'https://www.example.com');
    }),
    { numRuns: 3000 },
  );
});
