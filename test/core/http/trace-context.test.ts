import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseTraceparent } from '../../../lib/core/http/trace-context.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';

test('reads version 00', () => {
  const expected = { traceId: trace, parentId: parent, sampled: true };
  assert.deepEqual(parseTraceparent(`00-${trace}-${parent}-01`), expected);
  assert.equal(parseTraceparent(`00-${trace}-${parent}-02`)?.sampled, false);
});

test('reads what later versions begin with (§4.3)', () => {
  assert.equal(parseTraceparent(`cc-${trace}-${parent}-01-what-comes`)?.traceId, trace);
});

const wrong: Readonly<Record<string, string>> = {
  empty: '',
  'version ff': `ff-${trace}-${parent}-01`,
  'more behind version 00': `00-${trace}-${parent}-01-x`,
  'upper case': `00-${trace.toUpperCase()}-${parent}-01`,
  'a trace of zeros': `00-${'0'.repeat(32)}-${parent}-01`,
  'a parent of zeros': `00-${trace}-${'0'.repeat(16)}-01`,
  'a line behind it': `00-${trace}-${parent}-01\n`,
  'a space before it': ` 00-${trace}-${parent}-01`,
  'a short trace': `00-${trace.slice(1)}-${parent}-01`,
};

for (const [name, value] of Object.entries(wrong))
  test(`refuses ${name}`, () => {
    assert.equal(parseTraceparent(value), undefined);
  });

test('never throws', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseTraceparent(text);
    }),
  );
});
