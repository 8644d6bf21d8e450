import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseItem } from '../../../lib/core/http/parse-structured-field.ts';
import {
  serialiseBareItem,
  serialiseItem,
  type BareItem,
} from '../../../lib/core/http/structured-fields.ts';

const rows: readonly (readonly [section: string, item: BareItem, text: string | undefined])[] = [
  ['§4.1.4', { kind: 'integer', value: 0 }, '0'],
  ['§4.1.4', { kind: 'integer', value: -0 }, '0'],
  ['§4.1.4', { kind: 'integer', value: -42 }, '-42'],
  ['§4.1.4', { kind: 'integer', value: 999_999_999_999_999 }, '999999999999999'],
  ['§4.1.4', { kind: 'integer', value: 1e15 }, undefined],
  ['§4.1.4', { kind: 'integer', value: 1.5 }, undefined],
  ['§4.1.4', { kind: 'integer', value: Number.NaN }, undefined],
  ['§4.1.5', { kind: 'decimal', value: 1 }, '1.0'],
  ['§4.1.5', { kind: 'decimal', value: -1.25 }, '-1.25'],
  ['§4.1.5', { kind: 'decimal', value: 0.0625 }, '0.062'],
  ['§4.1.5', { kind: 'decimal', value: 0.1875 }, '0.188'],
  ['§4.1.5', { kind: 'decimal', value: -0.0001 }, '0.0'],
  ['§4.1.5', { kind: 'decimal', value: 1e12 }, undefined],
  ['§4.1.5', { kind: 'decimal', value: Infinity }, undefined],
  ['§4.1.6', { kind: 'string', value: 'a "b" \\' }, '"a \\"b\\" \\\\"'],
  ['§4.1.6', { kind: 'string', value: '' }, '""'],
  ['§4.1.6', { kind: 'string', value: 'a\r\nb' }, undefined],
  ['§4.1.6', { kind: 'string', value: 'ü' }, undefined],
  ['§4.1.7', { kind: 'token', value: '*a/b:c' }, '*a/b:c'],
  ['§4.1.7', { kind: 'token', value: '' }, undefined],
  ['§4.1.7', { kind: 'token', value: '1a' }, undefined],
  ['§4.1.7', { kind: 'token', value: 'a b' }, undefined],
  ['§4.1.8', { kind: 'bytes', value: new Uint8Array([104, 105]) }, ':aGk=:'],
  ['§4.1.9', { kind: 'boolean', value: true }, '?1'],
  ['§4.1.9', { kind: 'boolean', value: false }, '?0'],
  ['§4.1.10', { kind: 'date', value: 1_659_578_233 }, '@1659578233'],
  ['§4.1.10', { kind: 'date', value: 0.5 }, undefined],
  ['§4.1.11', { kind: 'display', value: 'ü "100%"\n' }, '%"%c3%bc %22100%25%22%0a"'],
  ['§4.1.11', { kind: 'display', value: '\ud800' }, undefined],
];

for (const [section, item, text] of rows)
  test(`RFC 9651 ${section}: ${item.kind} ${JSON.stringify(item.value)} is written as ${String(text)}`, () => {
    assert.equal(serialiseBareItem(item), text);
  });

test('RFC 9651 §4.1.3: an item with parameters', () => {
  const token = { kind: 'token', value: 'sekisho' } as const;
  assert.equal(
    serialiseItem(token, [
      ['hit', { kind: 'boolean', value: true }],
      ['stored', { kind: 'boolean', value: false }],
      ['ttl', { kind: 'integer', value: -5 }],
    ]),
    'sekisho;hit;stored=?0;ttl=-5',
  );
  assert.equal(serialiseItem(token), 'sekisho');
  assert.equal(serialiseItem(token, [['Hit', token]]), undefined);
  assert.equal(serialiseItem(token, [['a', { kind: 'string', value: '\n' }]]), undefined);
  assert.equal(serialiseItem({ kind: 'token', value: '' }, [['a', token]]), undefined);
});

test('fuzz: what is written is read again, and nothing breaks out of its item', () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 });
  const item: fc.Arbitrary<BareItem> = fc.oneof(
    fc
      .tuple(fc.constantFrom('string', 'token', 'display'), text)
      .map(([kind, value]) => ({ kind, value })),
    fc
      .tuple(fc.constantFrom('integer', 'date'), fc.maxSafeInteger())
      .map(([kind, value]) => ({ kind, value })),
    fc.uint8Array().map((value) => ({ kind: 'bytes' as const, value })),
    fc.boolean().map((value) => ({ kind: 'boolean' as const, value })),
  );
  fc.assert(
    fc.property(item, fc.array(fc.tuple(text, item), { maxLength: 3 }), (value, parameters) => {
      const written = serialiseItem(value, parameters);
      if (written === undefined) return;
      assert.deepEqual(parseItem(written), { value, parameters: new Map(parameters) });
    }),
    { numRuns: 500 },
  );
});
