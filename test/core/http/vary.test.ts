import assert from 'node:assert/strict';
import { test } from 'node:test';
import { variantOf, varyNames } from '../../../lib/core/http/vary.ts';

// RFC 9110 §12.5.5
const varies: readonly (readonly [lines: string[], names: string[] | '*'])[] = [
  [[], []],
  [[''], []],
  [['Accept-Encoding'], ['accept-encoding']],
  [['B, a ,\tC'], ['a', 'b', 'c']],
  [
    ['b', 'A'],
    ['a', 'b'],
  ],
  [['a, A, a'], ['a']],
  [[', a,,'], ['a']],
  [['*'], '*'],
  [[' * '], '*'],
  [['a, *'], '*'],
  [['*, a'], '*'],
  [['a', '*'], '*'],
  [['a b'], '*'],
  [['a;b'], '*'],
  [['"a"'], '*'],
  [['a\u00a0'], '*'],
];

for (const [lines, names] of varies)
  test(`Vary: ${JSON.stringify(lines)} (RFC 9110 §12.5.5)`, () => {
    assert.deepEqual(varyNames(lines.flatMap((line) => ['vAry', line])), names);
  });

test('an answer that varies by 65 fields matches nobody', () => {
  const names = Array.from({ length: 65 }, (_, at) => `x-${at}`);
  assert.equal(varyNames(['Vary', names.join()]), '*');
  assert.equal(varyNames(['Vary', names.slice(1).join()]).length, 64);
});

type Pair = readonly [what: string, name: string, one: readonly string[], other: readonly string[]];

// RFC 9111 §4.1: white space, several lines, and what the field's own grammar allows.
const alike: readonly Pair[] = [
  ['both missing', 'foo', [], []],
  ['white space at the ends', 'foo', [' a b\t'], ['a b']],
  ['white space around the commas of a list of tokens', 'foo', ['1, 2'], ['1 ,2']],
  ['lines of a list', 'foo', ['1', '2'], ['1, 2']],
  ['lines of a Cookie', 'cookie', ['a=1', 'b=2'], ['a=1; b=2']],
  ['case of codings', 'accept-encoding', ['GZIP'], ['gzip']],
  ['order of codings', 'accept-encoding', ['gzip, br'], ['br', 'gzip']],
  ['weights', 'accept-encoding', ['gzip;q=1.0, br;q=0.50'], ['br;q=0.5, gzip']],
  ['case of languages', 'accept-language', ['en-GB'], ['en-gb']],
  ['order of weighed languages', 'accept-language', ['en;q=0.5, de'], ['de, en;q=0.5']],
  ['case of media ranges', 'accept', ['text/HTML, */*;q=0.8'], ['text/html,*/*;q=0.8']],
];

const different: readonly Pair[] = [
  ['missing and empty', 'foo', [], ['']],
  ['missing and empty codings', 'accept-encoding', [], ['']],
  ['case of unknown fields', 'foo', ['a'], ['A']],
  ['order of unknown fields', 'foo', ['a, b'], ['b, a']],
  ['inner white space', 'foo', ['a b'], ['a  b']],
  ['white space around commas of anything else', 'user-agent', ['a (b, c)'], ['a (b,c)']],
  ['white space in quotes', 'foo', ['"a, b"'], ['"a,b"']],
  ['no-break spaces', 'foo', ['a'], ['a\u00a0']],
  ['cookies', 'cookie', ['a=1'], ['a=2']],
  ['two credentials and one with a comma', 'authorization', ['a', 'b'], ['a, b']],
  ['order of equal languages', 'accept-language', ['de, en'], ['en, de']],
  ['a coding refused', 'accept-encoding', ['*, gzip;q=0'], ['*, gzip']],
  ['identity refused', 'accept-encoding', ['gzip, identity;q=0'], ['gzip']],
  ['malformed weights', 'accept-encoding', ['gzip;q=x'], ['gzip']],
  ['contradictions', 'accept-encoding', ['gzip;q=0, gzip'], ['gzip, gzip;q=0']],
];

function variants([, name, ...pair]: Pair): string[] {
  return pair.map((lines) =>
    variantOf([name], ['X', '1', ...lines.flatMap((line) => [name.toUpperCase(), line])]),
  );
}

for (const pair of alike)
  test(`requests that match: ${pair[0]} (RFC 9111 §4.1)`, () => {
    const [one, other] = variants(pair);
    assert.equal(one, other);
  });

for (const pair of different)
  test(`requests that do not match: ${pair[0]} (RFC 9111 §4.1)`, () => {
    const [one, other] = variants(pair);
    assert.notEqual(one, other);
  });

test('a value cannot imitate another field', () => {
  const names = ['a', 'b'];
  const forged = variantOf(names, ['a', '1"],["b","2']);
  assert.notEqual(forged, variantOf(names, ['a', '1', 'b', '2']));
  assert.notEqual(variantOf(['a'], ['a', 'null']), variantOf(['a'], []));
});

test('long values are told apart in little space', () => {
  const long = (last: string): string =>
    variantOf(['cookie'], ['Cookie', 'x'.repeat(10_000) + last]);
  assert.ok(long('a').length < 60);
  assert.notEqual(long('a'), long('b'));
  assert.equal(long('a'), long('a'));
  // Not well-formed: both would be the same bytes in UTF-8.
  assert.notEqual(long('\ud800'), long('\ud801'));
});
