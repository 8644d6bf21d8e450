import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  parseDictionary,
  parseItem,
  parseList,
} from '../../../lib/core/http/parse-structured-field.ts';
import {
  isInnerList,
  type BareItem,
  type Item,
  type Member,
} from '../../../lib/core/http/structured-fields.ts';

/** As short as a table wants it: values alone, or [value, parameters]. */
function plain(member: Member): unknown {
  const content = isInnerList(member) ? member.items.map(plain) : member.value.value;
  const parameters = [...member.parameters].map(([key, { value }]) => [key, value] as const);
  return parameters.length === 0 ? content : [content, Object.fromEntries(parameters)];
}

const items: readonly (readonly [section: string, text: string, item: BareItem | undefined])[] = [
  ['§4.2.4', '42', { kind: 'integer', value: 42 }],
  ['§4.2.4', ' 42 ', { kind: 'integer', value: 42 }],
  ['§4.2.4', '-0', { kind: 'integer', value: 0 }],
  ['§4.2.4', '007', { kind: 'integer', value: 7 }],
  ['§4.2.4', '999999999999999', { kind: 'integer', value: 999_999_999_999_999 }],
  ['§4.2.4', '1000000000000000', undefined],
  ['§4.2.4', '--1', undefined],
  ['§4.2.4', '-', undefined],
  ['§4.2.4', '+1', undefined],
  ['§4.2.4', '\t1', undefined],
  ['§4.2.4', '1 2', undefined],
  ['§4.2.4', '1.5', { kind: 'decimal', value: 1.5 }],
  ['§4.2.4', '-0.0', { kind: 'decimal', value: 0 }],
  ['§4.2.4', '1.', undefined],
  ['§4.2.4', '.5', undefined],
  ['§4.2.4', '1.5.', undefined],
  ['§4.2.4', '1.2345', undefined],
  ['§4.2.4', '123456789012.125', { kind: 'decimal', value: 123_456_789_012.125 }],
  ['§4.2.4', '1234567890123.1', undefined],
  ['§4.2.4', '1e3', undefined],
  ['§4.2.5', '"a \\"b\\" \\\\"', { kind: 'string', value: 'a "b" \\' }],
  ['§4.2.5', '"a', undefined],
  ['§4.2.5', '"\\a"', undefined],
  ['§4.2.5', '"\t"', undefined],
  ['§4.2.5', '"\xe4"', undefined],
  ['§4.2.5', "'a'", undefined],
  ['§4.2.6', 'a/b:*', { kind: 'token', value: 'a/b:*' }],
  ['§4.2.6', '*', { kind: 'token', value: '*' }],
  ['§4.2.6', '/a', undefined],
  ['§4.2.6', '', undefined],
  ['§4.2.7', ':aGk=:', { kind: 'bytes', value: new Uint8Array([104, 105]) }],
  ['§4.2.7', ':aGk:', { kind: 'bytes', value: new Uint8Array([104, 105]) }],
  ['§4.2.7', '::', { kind: 'bytes', value: new Uint8Array() }],
  ['§4.2.7', ':aGk==:', undefined],
  ['§4.2.7', ':aGkxx:', undefined],
  ['§4.2.7', ':a=Gk:', undefined],
  ['§4.2.7', ':aG k:', undefined],
  ['§4.2.7', ':aGk=', undefined],
  ['§4.2.7', ':aG-_:', undefined],
  ['§4.2.8', '?1', { kind: 'boolean', value: true }],
  ['§4.2.8', '?0', { kind: 'boolean', value: false }],
  ['§4.2.8', '?2', undefined],
  ['§4.2.8', '?', undefined],
  ['§4.2.9', '@1659578233', { kind: 'date', value: 1_659_578_233 }],
  ['§4.2.9', '@-1', { kind: 'date', value: -1 }],
  ['§4.2.9', '@1.5', undefined],
  ['§4.2.9', '@', undefined],
  ['§4.2.10', '%"f%c3%bc %22"', { kind: 'display', value: 'fü "' }],
  ['§4.2.10', '%"%ef%bb%bfa"', { kind: 'display', value: '\ufeffa' }],
  ['§4.2.10', '%"%C3%BC"', undefined],
  ['§4.2.10', '%"%c3"', undefined],
  ['§4.2.10', '%"%"', undefined],
  ['§4.2.10', '%"ü"', undefined],
  ['§4.2.10', '%a', undefined],
];

for (const [section, text, value] of items)
  test(`RFC 9651 ${section}: ${JSON.stringify(text)} is ${value === undefined ? 'no item' : `${value.kind} ${JSON.stringify(value.value)}`}`, () => {
    const expected: Item | undefined =
      value === undefined ? undefined : { value, parameters: new Map() };
    assert.deepEqual(parseItem(text), expected);
  });

for (const [text, expected] of [
  ['', []],
  ['a', ['a']],
  ['a, b\t,\tc', ['a', 'b', 'c']],
  ['sekisho; hit;ttl=-5;  detail="x"', [['sekisho', { hit: true, ttl: -5, detail: 'x' }]]],
  ['a;b=1;b=2', [['a', { b: 2 }]]],
  ['(a "b" 1);x, ()', [[['a', 'b', 1], { x: true }], []]],
  ['( a  b )', [['a', 'b']]],
  ['(a;x=1 b)', [[['a', { x: 1 }], 'b']]],
  ['(a,b)', undefined],
  ['(a"b")', undefined],
  ['(a', undefined],
  ['((a))', undefined],
  ['a,', undefined],
  ['a,,b', undefined],
  [',a', undefined],
  ['a b', undefined],
  ['a;B', undefined],
  ['a ;b', undefined],
  ['a;', undefined],
  ['a;b=', undefined],
  ['a;b=(c)', undefined],
] as const)
  test(`RFC 9651 §4.2.1: list ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parseList(text)?.map(plain), expected);
  });

for (const [text, expected] of [
  ['', {}],
  ['a=1, b', { a: 1, b: true }],
  ['a=1,b;x=2,c=(1 2)', { a: 1, b: [true, { x: 2 }], c: [1, 2] }],
  ['a=1, a=2', { a: 2 }],
  ['*a_b-c.d=?0', { '*a_b-c.d': false }],
  ['A=1', undefined],
  ['1=1', undefined],
  ['a=', undefined],
  ['a= 1', undefined],
  ['a =1', undefined],
  ['a=1,', undefined],
  ['a=1;', undefined],
  ['a=1 b=2', undefined],
  ['"a"=1', undefined],
] as const)
  test(`RFC 9651 §4.2.2: dictionary ${JSON.stringify(text)}`, () => {
    const found = parseDictionary(text);
    const entries = found && [...found].map(([key, member]) => [key, plain(member)] as const);
    assert.deepEqual(entries && Object.fromEntries(entries), expected);
  });

test('fuzz: no text throws', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(
        fc.constantFrom('a', '=', '1', '.', '"', '\\', ';', ',', ' ', '(', ')', ':', '?1', '%"'),
      )
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (soup) => {
      parseItem(soup);
      parseList(soup);
      parseDictionary(soup);
    }),
    { numRuns: 1000 },
  );
});
