import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { ZstdFrames } from '../../../lib/core/decoding/zstd-frames.ts';

function isWhole(bytes: Buffer, step = bytes.length): boolean {
  const frames = new ZstdFrames();
  for (let at = 0; at < bytes.length; at += Math.max(1, step))
    frames.push(bytes.subarray(at, at + Math.max(1, step)));
  return frames.whole;
}

const { ZSTD_c_checksumFlag, ZSTD_c_contentSizeFlag, ZSTD_c_compressionLevel } = constants;

const content = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc.nat(400_000).map((size) => Buffer.alloc(size, 'ab')),
  fc.nat(400_000).map((size) => randomBytes(size)),
);
const params = fc.record({
  [ZSTD_c_checksumFlag]: fc.constantFrom(0, 1),
  [ZSTD_c_contentSizeFlag]: fc.constantFrom(0, 1),
  [ZSTD_c_compressionLevel]: fc.constantFrom(1, 3, 9),
});

test('fuzz: what zstd makes is whole, in pieces of any size, and no part of it is', () => {
  fc.assert(
    fc.property(
      content,
      params,
      fc.integer({ min: 1, max: 70_000 }),
      fc.nat(),
      (body, how, step, cut) => {
        const bytes = zstdCompressSync(body, { params: how });
        assert.ok(isWhole(bytes, step));
        assert.equal(isWhole(bytes.subarray(0, 1 + (cut % (bytes.length - 1)))), false);
      },
    ),
    { numRuns: 100 },
  );
});

test('each byte that is missing at the end is missed', () => {
  const bytes = zstdCompressSync(Buffer.alloc(300_000, 'abc'), {
    params: { [ZSTD_c_checksumFlag]: 1 },
  });
  for (let length = 1; length < bytes.length; length++)
    assert.equal(isWhole(bytes.subarray(0, length)), false, String(length));
  assert.ok(isWhole(bytes, 1));
});

test('frames one after the other, and one to be skipped', () => {
  const frame = zstdCompressSync(Buffer.from('hello'));
  const skipped = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const empty = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  for (const step of [1, 5, 100])
    assert.ok(isWhole(Buffer.concat([skipped, frame, empty, frame]), step));
  assert.equal(isWhole(Buffer.concat([frame, skipped.subarray(0, 9)])), false);
  assert.ok(isWhole(Buffer.alloc(0)));
});
