import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { shown, shownTarget } from '../../lib/dashboard/shown.ts';

for (const [text, expected] of [
  ['plain', 'plain'],
  ['日本語 ünï 🍣', '日本語 ünï 🍣'],
  ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
  ['a\r\nevent: tick\0\x1b[31m', 'a��event: tick��[31m'],
  ['invoice\u202egnp.exe', 'invoice\ufffdgnp.exe'],
  ['ex\u200bample\u2028\ufeff', 'ex\ufffdample\ufffd\ufffd'],
  ['\ud800', '\ufffd'],
  ['x'.repeat(1000), `${'x'.repeat(199)}…`],
] as const)
  test(`${JSON.stringify(text.slice(0, 40))} is shown as ${JSON.stringify(expected.slice(0, 40))}`, () => {
    assert.equal(shown(text), expected);
  });

for (const [target, expected] of [
  ['/a/b', '/a/b'],
  ['/login?password=secret', '/login'],
  ['/a#secret', '/a'],
  ['?secret', ''],
  ['http://mia:secret@example.com/a?token=secret', 'http://example.com/a'],
  ['//mia:secret@example.com/a', '//example.com/a'],
  ['http://a@b@example.com/', 'http://example.com/'],
  ['example.com:443', 'example.com:443'],
  ['/users/mia@example.com', '/users/mia@example.com'],
] as const)
  test(`the target ${target} is shown as ${expected}`, () => {
    assert.equal(shownTarget(target), expected);
  });

test('whatever a client sends, it is short, on one line, and without query', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (target) => {
      const text = shownTarget(target);
      assert.ok(text.length <= 200);
      assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\u2028\u2029?#]/u);
      assert.ok(text.isWellFormed());
    }),
  );
});
