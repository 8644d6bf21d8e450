import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  classEscape,
  complement,
  lastCodePoint,
  union,
} from '../../../lib/core/patterns/code-points.ts';

for (const [set, expected] of [
  [[], [[0, lastCodePoint]]],
  [[[0, lastCodePoint]], []],
  [
    [
      [5, 7],
      [0, 2],
    ],
    [
      [3, 4],
      [8, lastCodePoint],
    ],
  ],
  [
    [
      [1, 3],
      [2, 9],
    ],
    [
      [0, 0],
      [10, lastCodePoint],
    ],
  ],
] as const)
  test(`the complement of ${JSON.stringify(set)}`, () => {
    assert.deepEqual(complement(set), expected);
    assert.deepEqual(complement(complement(set)), union(set));
  });

for (const letter of ['d', 'D', 's', 'S', 'w', 'W'] as const)
  for (const flags of ['', 'iu'])
    test(`\\${letter} with flags '${flags}' is what RegExp takes it for`, () => {
      const native = new RegExp(`^\\${letter}$`, flags);
      const set = classEscape(letter, flags.includes('i')) ?? [];
      for (let point = 0; point < 0x10000; point++) {
        // ſ and K fold into ASCII only where both sides are compared.
        if (letter === 'w' && (point === 0x17f || point === 0x212a)) continue;
        const inside = set.some(([first, last]) => point >= first && point <= last);
        if (inside !== native.test(String.fromCharCode(point)))
          assert.fail(`U+${point.toString(16)}: ${String(inside)}`);
      }
    });
