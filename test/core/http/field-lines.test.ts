import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dateLine,
  fieldLines,
  fieldsWhere,
  fieldValue,
  hasField,
  singleLine,
  splitOutsideQuotes,
  trimmed,
} from '../../../lib/core/http/field-lines.ts';

const fields = ['X-A', ' 1 ', 'Y', '2', 'x-a', '3', 'Z', '\t4'];

test('lines are found without regard to case, and joined as one list (RFC 9110 §5.3)', () => {
  assert.deepEqual(fieldLines(fields, 'x-a'), [' 1 ', '3']);
  assert.deepEqual(fieldLines(fields, 'missing'), []);
  assert.equal(fieldValue(fields, 'x-a'), ' 1 , 3');
  assert.equal(fieldValue(fields, 'y'), '2');
  assert.equal(fieldValue(fields, 'missing'), undefined);
  assert.equal(hasField(fields, 'x-a'), true);
  assert.equal(hasField(fields, 'x-b'), false);
});

test('a field that may come once has no value when it comes twice', () => {
  assert.equal(singleLine(fields, 'z'), '4');
  assert.equal(singleLine(fields, 'x-a'), undefined);
  assert.equal(singleLine(fields, 'missing'), undefined);
});

test('a date is read from one line only', () => {
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
  assert.equal(dateLine(['Date', ` ${date}`], 'date', 0), 784_111_777_000);
  assert.equal(dateLine(['Date', date, 'Date', date], 'date', 0), undefined);
  assert.equal(dateLine(['Date', '1994-11-06'], 'date', 0), undefined);
});

test('fields are chosen by their lower-cased names', () => {
  assert.deepEqual(
    fieldsWhere(fields, (lower) => lower !== 'x-a'),
    ['Y', '2', 'Z', '\t4'],
  );
});

const blanks: readonly (readonly [value: string, without: string])[] = [
  ['', ''],
  [' \t', ''],
  [' a b\t', 'a b'],
  ['\u00a0a\u00a0', '\u00a0a\u00a0'],
];

for (const [value, without] of blanks)
  test(`white space around ${JSON.stringify(value)} (RFC 9110 §5.6.3)`, () => {
    assert.equal(trimmed(value), without);
  });

const splits: readonly (readonly [value: string, parts: string[] | undefined])[] = [
  ['', ['']],
  ['a', ['a']],
  ['a , b,', ['a', 'b', '']],
  ['a="x,y", b', ['a="x,y"', 'b']],
  [String.raw`"\",", b`, [String.raw`"\","`, 'b']],
  ['"a, b', undefined],
  [String.raw`"a\"`, undefined],
  ['a\\,b', ['a\\', 'b']],
];

for (const [value, parts] of splits)
  test(`commas outside the quoted strings of ${value} (RFC 9110 §5.6.4)`, () => {
    assert.deepEqual(splitOutsideQuotes(value, ','), parts);
  });
