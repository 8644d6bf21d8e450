import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  entityTagOf,
  isEntityTag,
  isWeak,
  matchesStrongly,
  matchesWeakly,
  parseEntityTags,
} from '../../../lib/core/http/etag.ts';

// RFC 9110 §8.8.3
const tags: readonly (readonly [value: string, valid: boolean])[] = [
  ['"xyzzy"', true],
  ['W/"xyzzy"', true],
  ['""', true],
  ['"a,b"', true],
  [String.raw`"a\b"`, true],
  ['"\u00e9"', true],
  ['w/"xyzzy"', false],
  ['W/ "xyzzy"', false],
  ['xyzzy', false],
  ['"xyzzy', false],
  ['"a"b"', false],
  ['"a b"', false],
  ['"a\u007f"', false],
  ['"a"\n', false],
  ["'a'", false],
  ['*', false],
  ['', false],
];

for (const [value, valid] of tags)
  test(`${JSON.stringify(value)} is ${valid ? 'an' : 'no'} entity tag (§8.8.3)`, () => {
    assert.equal(isEntityTag(value), valid);
    assert.equal(entityTagOf(['ETAG', ` ${value} `]), valid ? value : undefined);
  });

test('an answer with two entity tags has none', () => {
  assert.equal(entityTagOf(['ETag', '"a"', 'ETag', '"a"']), undefined);
  assert.equal(entityTagOf([]), undefined);
});

// RFC 9110 §13.1.1, §13.1.2: "*" / #entity-tag, with empty members as §5.6.1.2 has them.
const lists: readonly (readonly [value: string, parsed: readonly string[] | '*' | undefined])[] = [
  ['*', '*'],
  [' * ', '*'],
  ['"a"', ['"a"']],
  ['"a","b"', ['"a"', '"b"']],
  ['\t"a" ,\tW/"b" ', ['"a"', 'W/"b"']],
  [', "a",, "b",', ['"a"', '"b"']],
  ['"a,b", ","', ['"a,b"', '","']],
  [String.raw`"a\", "b"`, [String.raw`"a\"`, '"b"']],
  ['"a" "b"', undefined],
  ['"a", *', undefined],
  ['"a", b', undefined],
  ['"a", "b', undefined],
  ['abc', undefined],
  [',', undefined],
  ['', undefined],
];

for (const [value, parsed] of lists)
  test(`the entity tags of ${JSON.stringify(value)} (§13.1.2)`, () => {
    assert.deepEqual(parseEntityTags(value), parsed);
  });

// The table of RFC 9110 §8.8.3.2.
const comparisons: readonly (readonly [
  one: string,
  other: string,
  strong: boolean,
  weak: boolean,
])[] = [
  ['W/"1"', 'W/"1"', false, true],
  ['W/"1"', 'W/"2"', false, false],
  ['W/"1"', '"1"', false, true],
  ['"1"', '"1"', true, true],
];

for (const [one, other, strong, weak] of comparisons)
  test(`${one} and ${other} compared (§8.8.3.2)`, () => {
    assert.equal(matchesStrongly(one, other), strong);
    assert.equal(matchesStrongly(other, one), strong);
    assert.equal(matchesWeakly(one, other), weak);
    assert.equal(matchesWeakly(other, one), weak);
  });

test('weakness is told by W/', () => {
  assert.equal(isWeak('W/"1"'), true);
  assert.equal(isWeak('"W/1"'), false);
});
