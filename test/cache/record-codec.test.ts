import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import type { CacheRecord } from '../../lib/cache/entry.ts';
import {
  decodeLabel,
  decodeRecord,
  encodeRecord,
  isOtherVersion,
} from '../../lib/cache/record-codec.ts';
import { entry, varyRecord } from './records.ts';

const encode = (record: CacheRecord): Buffer => encodeRecord(record) as Buffer;

const latin1 = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((code) => code !== 0x7f)
    .map((code) => String.fromCharCode(code)),
});
const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/);
const fields = fc.array(fc.tuple(token, latin1), { maxLength: 5 }).map((pairs) => pairs.flat());
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const records: fc.Arbitrary<CacheRecord> = fc.oneof(
  fc.record({
    kind: fc.constant('answer' as const),
    status: fc.integer({ min: 200, max: 999 }),
    message: latin1,
    fields,
    trailers: fields,
    body: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    validity: fc.record({
      received: number,
      initialAge: number,
      lifetime: number,
      staleWhileRevalidate: number,
      staleIfError: number,
      alwaysValidate: fc.boolean(),
      neverStale: fc.boolean(),
      assumed: fc.boolean(),
    }),
    local: fc.boolean(),
    removed: fc.array(token, { maxLength: 3 }),
    url: fc.string({ unit: 'binary' }),
    groups: fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('vary' as const),
    names: fc.array(token, { maxLength: 4 }),
    generation: fc.string(),
    url: fc.string({ unit: 'binary' }),
    groups: fc.array(fc.string(), { maxLength: 3 }),
  }),
);

test('any record comes back as it was', () => {
  fc.assert(
    fc.property(records, (record) => {
      assert.deepEqual(
        decodeRecord(encode(record)),
        JSON.parse(JSON.stringify(record), revive(record)),
      );
    }),
    { numRuns: 500 },
  );
});

/** JSON has no -0 and no Buffers. */
function revive(record: CacheRecord): (this: unknown, key: string, value: unknown) => unknown {
  return (key, value) => (key === 'body' && record.kind === 'answer' ? record.body : value);
}

test('random bytes never decode and never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const buffer = Buffer.from(bytes);
      assert.equal(decodeRecord(buffer), undefined);
      assert.equal(decodeLabel(buffer), undefined);
      isOtherVersion(buffer);
    }),
    { numRuns: 2000 },
  );
});

test('no changed, cut or lengthened record decodes', () => {
  fc.assert(
    fc.property(
      records,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('change', 'cut', 'lengthen', 'drop'),
      (record, place, by, how) => {
        const bytes = encode(record);
        const at = place % bytes.length;
        if (how === 'change') bytes[at] = (bytes[at] as number) ^ by;
        const changed =
          how === 'cut'
            ? bytes.subarray(0, at)
            : how === 'lengthen'
              ? Buffer.concat([bytes, Buffer.alloc(by)])
              : how === 'drop'
                ? Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
                : bytes;
        assert.equal(decodeRecord(changed), undefined);
        decodeLabel(changed);
      },
    ),
    { numRuns: 2000 },
  );
});

/** Bytes with the right sums around any label and head, as somebody who can write into the store would make them. */
function forge(kind: number, label: unknown, head: unknown, body = ''): Buffer {
  const parts = [JSON.stringify(label), head === undefined ? '' : JSON.stringify(head), body].map(
    (part) => Buffer.from(part),
  );
  const header = Buffer.alloc(24);
  header.write('SKSH\x01', 'latin1');
  header[5] = kind;
  for (const [index, part] of parts.entries()) header.writeUInt32BE(part.length, 12 + 4 * index);
  const bytes = Buffer.concat([header, ...parts]);
  bytes.writeUInt32BE(crc32(bytes.subarray(12)), 8);
  return bytes;
}

suite('right sums, wrong content', () => {
  const { status, message, fields, trailers, validity } = entry();
  const head = { status, message, fields, trailers, validity };
  const label = ['https://a/', ['g']];
  const without = (name: string): unknown => ({ ...validity, [name]: undefined });

  test('the forger can do it right', () => {
    assert.deepEqual(
      decodeRecord(forge(1, label, head, 'hello')),
      entry({ url: 'https://a/', groups: ['g'] }),
    );
    assert.notEqual(
      decodeRecord(forge(2, label, { names: ['accept'], generation: '' })),
      undefined,
    );
  });

  for (const [what, bytes] of [
    ['a status of 99', forge(1, label, { ...head, status: 99 })],
    ['an interim status', forge(1, label, { ...head, status: 103 })],
    ['a status as text', forge(1, label, { ...head, status: '200' })],
    ['a status of 200.5', forge(1, label, { ...head, status: 200.5 })],
    ['a message with CR LF', forge(1, label, { ...head, message: 'OK\r\nX: y' })],
    ['no message', forge(1, label, { ...head, message: undefined })],
    ['an odd number of fields', forge(1, label, { ...head, fields: ['a'] })],
    ['fields as an object', forge(1, label, { ...head, fields: { a: 'b' } })],
    ['a number as a value', forge(1, label, { ...head, fields: ['a', 1] })],
    ['a value with LF', forge(1, label, { ...head, fields: ['a', 'b\nc: d'] })],
    ['a value with NUL', forge(1, label, { ...head, fields: ['a', 'b\0'] })],
    ['a value beyond latin1', forge(1, label, { ...head, fields: ['a', '🧀'] })],
    ['a name with a colon', forge(1, label, { ...head, fields: ['a: b\r\nc', 'd'] })],
    ['an empty name', forge(1, label, { ...head, fields: ['', 'd'] })],
    ['a trailer with CR', forge(1, label, { ...head, trailers: ['a', '\r'] })],
    ['no validity', forge(1, label, { ...head, validity: null })],
    ...Object.keys(validity).map((name): [string, Buffer] => [
      `no ${name}`,
      forge(1, label, { ...head, validity: without(name) }),
    ]),
    ['local as a number', forge(1, label, { ...head, local: 1 })],
    ['removed as text', forge(1, label, { ...head, removed: 'x-a' })],
    ['a removed name with a space', forge(1, label, { ...head, removed: ['x a'] })],
    ['a lifetime as text', forge(1, label, { ...head, validity: { ...validity, lifetime: '1' } })],
    [
      'neverStale as a number',
      forge(1, label, { ...head, validity: { ...validity, neverStale: 1 } }),
    ],
    ['a label that is no list', forge(1, { url: 'a' }, head)],
    ['a URL as a number', forge(1, [1, []], head)],
    ['groups as text', forge(1, ['a', 'g'], head)],
    ['a number as a group', forge(1, ['a', [1]], head)],
    ['a head that is null', forge(1, label, null)],
    ['a head that is no JSON', forge(1, label, undefined)],
    ['another kind', forge(3, label, head)],
    ['a vary record as an answer', forge(1, label, { names: [], generation: 'g' })],
    ['an answer as a vary record', forge(2, label, head)],
    ['a vary record with a body', forge(2, label, { names: [], generation: '' }, 'body')],
    ['a vary name with a space', forge(2, label, { names: ['a b'], generation: '' })],
    ['no generation', forge(2, label, { names: [] })],
  ] as const)
    test(what, () => {
      assert.equal(decodeRecord(bytes), undefined);
      assert.equal(isOtherVersion(bytes), false);
    });
});

test('a record from before it was told who answers is one of a server', () => {
  const { status, message, fields, trailers, validity } = entry();
  const head = { status, message, fields, trailers, validity };
  for (const [given, local, removed] of [
    [head, false, []],
    [{ ...head, local: true }, true, []],
    [{ ...head, local: true, removed: ['x-a'] }, true, ['x-a']],
  ] as const) {
    const record = decodeRecord(forge(1, ['https://a/', []], given));
    assert.ok(record?.kind === 'answer');
    assert.deepEqual([record.local, record.removed], [local, removed]);
  }
});

test('the label is read from the beginning alone, and says how much it needs', () => {
  const bytes = encode(
    entry({ url: `https://a/${'ä'.repeat(500)}`, groups: ['g'], body: Buffer.alloc(9000) }),
  );
  const needed = decodeLabel(bytes.subarray(0, 100)) as number;
  assert.ok(needed > 1000 && needed < 1100, String(needed));
  assert.equal(decodeLabel(bytes.subarray(0, needed - 1)), needed);
  assert.deepEqual(decodeLabel(bytes.subarray(0, needed)), {
    url: `https://a/${'ä'.repeat(500)}`,
    groups: ['g'],
  });
  bytes.writeUInt32BE(0xffffffff, 12);
  assert.equal(decodeLabel(bytes), undefined);
});

test('another version is told from garbage', () => {
  const bytes = encode(varyRecord());
  assert.equal(isOtherVersion(bytes), false);
  bytes[4] = 2;
  assert.equal(isOtherVersion(bytes), true);
  assert.equal(decodeRecord(bytes), undefined);
  assert.equal(isOtherVersion(Buffer.from('SKSX\x02')), false);
  assert.equal(isOtherVersion(Buffer.alloc(0)), false);
});
