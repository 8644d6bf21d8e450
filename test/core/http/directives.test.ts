import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDirectives, type Argument } from '../../../lib/core/http/directives.ts';

function read(line: string): [string, Argument][] {
  const found: [string, Argument][] = [];
  readDirectives(line, (name, argument) => found.push([name, argument]));
  return found;
}

for (const [line, expected] of [
  ['', []],
  [' , ,\t,', []],
  ['no-store', [['no-store', undefined]]],
  ['NO-Store', [['no-store', undefined]]],
  ['max-age=5', [['max-age', '5']]],
  [
    'max-age=5,public',
    [
      ['max-age', '5'],
      ['public', undefined],
    ],
  ],
  [
    '\tmax-age=5 ,  public ',
    [
      ['max-age', '5'],
      ['public', undefined],
    ],
  ],
  ['a="b"', [['a', 'b']]],
  ['a=""', [['a', '']]],
  ['a="b, no-store"', [['a', 'b, no-store']]],
  [
    String.raw`a="b\", public, \\", c`,
    [
      ['a', String.raw`b", public, ` + '\\'],
      ['c', undefined],
    ],
  ],
  [
    'a="b"c, d',
    [
      ['a', null],
      ['d', undefined],
    ],
  ],
  [
    'a="b, no-store',
    [
      ['a', null],
      ['no-store', undefined],
    ],
  ],
  [
    String.raw`a="b\", no-store`,
    [
      ['a', null],
      ['no-store', undefined],
    ],
  ],
  ['a="', [['a', null]]],
  ['a=', [['a', null]]],
  [
    'a=, b',
    [
      ['a', null],
      ['b', undefined],
    ],
  ],
  ['a =5', [['a', null]]],
  ['a= 5', [['a', null]]],
  ['a=5 6', [['a', null]]],
  ['a=b=c', [['a', null]]],
  ["a='5'", [['a', "'5'"]]],
  ['private; max-age=5', [['private', null]]],
  [
    'no-store x, b',
    [
      ['no-store', null],
      ['b', undefined],
    ],
  ],
  ['=5, a', [['a', undefined]]],
  ['"no-store", a', [['a', undefined]]],
  [
    'a\xa0, b',
    [
      ['a', null],
      ['b', undefined],
    ],
  ],
] as const)
  test(`RFC 9111 §5.2: ${JSON.stringify(line)} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(read(line), expected);
  });

test('time grows with the length of a line, not with its square', () => {
  const length = 1_000_000;
  for (const soup of ['a="', '="', ' ', ',', '\\"', 'a=" ,']) {
    const line = soup.repeat(length / soup.length);
    let count = 0;
    readDirectives(line, () => count++);
    assert.ok(count <= length);
  }
});
