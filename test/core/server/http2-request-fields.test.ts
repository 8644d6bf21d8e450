import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { readHttp2Fields } from '../../../lib/core/server/http2-request-fields.ts';

const pseudo = { ':method': 'GET', ':path': '/' };
const read = (raw: string[], endsHere = true, more = {}): ReturnType<typeof readHttp2Fields> =>
  readHttp2Fields(raw, { ...pseudo, ...more }, endsHere);

test(':authority is Host, and stands first', () => {
  const { fields, problem } = read([':path', '/', 'x-a', '1', ':authority', 'a']);
  assert.deepEqual([fields, problem], [['host', 'a', 'x-a', '1'], undefined]);
});

test('host alone will do, and may repeat :authority', () => {
  assert.deepEqual(read(['host', 'a']).fields, ['host', 'a']);
  assert.deepEqual(read([':authority', 'a', 'host', 'a']), {
    ...{ method: 'GET', path: '/', fields: ['host', 'a'], problem: undefined, size: 16 },
  });
});

test('no host at all is left to those who need one', () => {
  assert.deepEqual(read(['x-a', '1']).fields, ['x-a', '1']);
});

test('the pieces of a cookie become one, where the first stood', () => {
  const { fields } = read(['cookie', 'a=1', 'x-a', '1', 'cookie', 'b=2', 'cookie', 'c=3']);
  assert.deepEqual(fields, ['cookie', 'a=1; b=2; c=3', 'x-a', '1']);
});

test('a body of unknown length is chunked, one of known length is not', () => {
  assert.deepEqual(read([], false).fields, ['transfer-encoding', 'chunked']);
  assert.deepEqual(read(['content-length', '3'], false).fields, ['content-length', '3']);
  assert.deepEqual(read([], true).fields, []);
});

for (const [name, raw, more] of [
  ['a host that differs', [':authority', 'a', 'host', 'b'], {}],
  ['two hosts', ['host', 'a', 'host', 'a'], {}],
  ['a path without a slash', [], { ':path': 'a' }],
  ['a path with a space', [], { ':path': '/a b' }],
  ['a path with a line end', [], { ':path': '/a\nb' }],
  ['no path', [], { ':path': undefined }],
] as const)
  test(`${name} is a problem`, () => {
    assert.notEqual(read([...raw], true, more).problem, undefined);
  });

test('whatever comes: no pseudo-field, one host, one cookie goes on', () => {
  const field = fc.tuple(
    fc.constantFrom(':path', ':authority', ':x', 'host', 'cookie', 'x-a', 'content-length'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(field), fc.boolean(), (pairs, endsHere) => {
      const { fields } = read(pairs.flat(), endsHere);
      const names = fields.filter((_, at) => at % 2 === 0);
      assert.equal(fields.length % 2, 0);
      assert.ok(names.every((name) => !name.startsWith(':')));
      for (const single of ['host', 'cookie'])
        assert.ok(names.filter((name) => name === single).length <= 1);
    }),
    { numRuns: 300 },
  );
});
