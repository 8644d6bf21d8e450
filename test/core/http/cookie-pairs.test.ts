import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { withoutCookies } from '../../../lib/core/http/cookie-pairs.ts';

const names = new Set(['s', '__Host-s']);

const cases: readonly (readonly [value: string, rest: string | undefined])[] = [
  ['a=1; b=2', 'a=1; b=2'],
  ['s=1', undefined],
  ['s=1; __Host-s=2', undefined],
  ['s=1;', undefined],
  [' s = 1 ; ', undefined],
  ['a=1; s=2', 'a=1'],
  ['s=2; a=1', 'a=1'],
  ['a=1; s=2; b=3', 'a=1; b=3'],
  ['a=1;s=2;b=3', 'a=1;b=3'],
  ['a=1; s=2; s=3; b="x y"', 'a=1; b="x y"'],
  ['s; a', 'a'],
  ['s2=1; S=2; xs=3', 's2=1; S=2; xs=3'],
  ['a=s=1', 'a=s=1'],
  ['s==;a', 'a'],
  ['', ''],
  [';;', ';;'],
];

for (const [value, rest] of cases)
  test(`without s: ${JSON.stringify(value)} is ${JSON.stringify(rest)}`, () => {
    assert.equal(withoutCookies(value, names), rest);
  });

test('whatever is sent: our cookies go, all others stay in order and byte for byte', () => {
  const name = fc.constantFrom('s', '__Host-s', 'a', 'b', 's2');
  const pair = fc.tuple(
    name,
    fc.string({ maxLength: 8 }).map((text) => text.replaceAll(';', '')),
  );
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      const line = pairs.map(([key, text]) => `${key}=${text}`).join('; ');
      const kept = pairs.filter(([key]) => !names.has(key));
      const expected = kept.map(([key, text]) => `${key}=${text}`).join('; ');
      assert.equal(withoutCookies(line, names) ?? '', expected);
    }),
  );
});
