import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { joined, lastingFields, lastingText } from '../../lib/cache/lasting.ts';

test('any fields stay what they are, in order and spelling', () => {
  const name = fc.oneof(fc.constantFrom('Content-Type', 'DATE', 'vary', 'ETag'), fc.string());
  const latin1 = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, latin1)), (pairs) => {
      assert.deepEqual(lastingFields(pairs.flat()), pairs.flat());
    }),
  );
});

test('values beyond what is remembered stay what they are, too', () => {
  for (let number = 0; number < 2000; number++) {
    const fields = [`X-${number}`, 'a', 'Date', `day ${number}`, 'Server', 'x'.repeat(number)];
    assert.deepEqual(lastingFields(fields), fields);
    assert.equal(lastingText(`reason ${number}`), `reason ${number}`);
  }
});

test('a text put together of parts is the same text', () => {
  for (const parts of [[], [''], ['http://', 'shop.example', '/käse/🧀'], ['\0', 'a']])
    assert.equal(joined(parts.join('')), parts.join(''));
});
