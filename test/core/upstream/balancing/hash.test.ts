import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashText, unitHash } from '../../../../lib/core/upstream/balancing/hash.ts';

/** From the FNV reference (draft-eastlake-fnv, 32-bit FNV-1a). */
for (const [text, expected] of [
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
] as const)
  test(`FNV-1a of '${text}' is ${expected.toString(16)}`, () => {
    assert.equal(hashText(text), expected);
  });

test('the mixed hash lies strictly between 0 and 1, so that its logarithm is finite and not zero', () => {
  const bits = fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.nat(0xffffffff));
  fc.assert(
    fc.property(bits, bits, (key, seed) => {
      const value = unitHash(key, seed);
      assert.ok(value > 0 && value < 1);
    }),
  );
});

test('keys that differ in their last character only spread evenly', () => {
  const buckets = new Array<number>(16).fill(0);
  const seed = hashText('http://server-0/');
  for (let key = 0; key < 16_000; key++)
    buckets[Math.floor(unitHash(hashText(`10.0.${key >> 8}.${key & 255}`), seed) * 16)]!++;
  for (const count of buckets) assert.ok(count > 850 && count < 1150, buckets.join(' '));
});
