import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FieldList, forwardableTrailers, listTokens } from '../../../lib/core/http/fields.ts';

const lists: readonly (readonly [value: string, tokens: string[]])[] = [
  ['', []],
  [' , ,', []],
  ['Close', ['close']],
  ['a,B , c\t', ['a', 'b', 'c']],
];

for (const [value, tokens] of lists)
  test(`the members of ${JSON.stringify(value)}`, () => {
    assert.deepEqual(listTokens(value), tokens);
  });

for (const name of [
  'Content-Length',
  'Set-Cookie',
  'HOST',
  'te',
  'X-Forwarded-For',
  'X_Forwarded_Host',
  'Content_Length',
  'Remote-User',
  'x_sekisho.assertion',
])
  test(`${name} is no trailer to hand on`, () => {
    assert.deepEqual(forwardableTrailers(['X-A', '1', name, 'x', 'x-a', '2']), [
      'X-A',
      '1',
      'x-a',
      '2',
    ]);
  });

test('a FieldList keeps order and spelling, and compares names without case', () => {
  const original = ['X-A', '1', 'b', '2', 'x-a', '3'];
  const list = new FieldList(original);
  assert.equal(list.get('X-a'), '1, 3');
  assert.deepEqual(list.getAll('x-A'), ['1', '3']);
  assert.equal(list.get('c'), undefined);
  assert.equal(list.has('B'), true);
  list.append('X-A', '4');
  list.set('B', ['5', '6']);
  list.delete('missing');
  assert.deepEqual(
    [...list],
    [
      ['X-A', '1'],
      ['x-a', '3'],
      ['X-A', '4'],
      ['B', '5'],
      ['B', '6'],
    ],
  );
  list.delete('x-a');
  assert.deepEqual(list.toArray(), ['B', '5', 'B', '6']);
  assert.deepEqual(original, ['X-A', '1', 'b', '2', 'x-a', '3']);
});
