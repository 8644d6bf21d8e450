import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheTags } from '../../../lib/core/http/cache-tags.ts';

const rows: readonly (readonly [what: string, fields: string[], tags: string[]])[] = [
  ['none', ['X', 'a'], []],
  ['Cache-Tag is parted by commas', ['cache-tag', 'a, b c ,,d'], ['a', 'b c', 'd']],
  ['Surrogate-Key is parted by blanks', ['Surrogate-Key', ' a  b,c\td '], ['a', 'b,c', 'd']],
  [
    'all lines of both',
    ['Surrogate-Key', 'x a', 'Cache-Tag', 'a', 'CACHE-TAG', 'b'],
    ['a', 'b', 'x'],
  ],
  ['case counts', ['Cache-Tag', 'a,A'], ['a', 'A']],
  [
    'names of Object.prototype are names',
    ['Cache-Tag', '__proto__,constructor'],
    ['__proto__', 'constructor'],
  ],
  ['control characters', ['Cache-Tag', 'a\u0000b,c\nd,e\u007f,f'], ['f']],
  ['too long', ['Cache-Tag', `${'a'.repeat(1025)},${'b'.repeat(1024)}`], ['b'.repeat(1024)]],
];

for (const [what, fields, tags] of rows)
  test(`groups of an answer: ${what}`, () => {
    assert.deepEqual(cacheTags(fields), tags);
  });

test('an answer has at most 128 groups', () => {
  const names = Array.from({ length: 200 }, (_, at) => `g${at}`);
  assert.deepEqual(cacheTags(['Cache-Tag', names.join()]), names.slice(0, 128));
  assert.deepEqual(cacheTags(['Surrogate-Key', names.join(' ')]), names.slice(0, 128));
});
