import assert from 'node:assert/strict';
import type { Writable } from 'node:stream';
import test from 'node:test';
import fc from 'fast-check';
import * as ws from 'ws';
import { closeFrame, FrameTracker } from '../../../lib/core/upstream/websocket-frames.ts';

/** Public in ws, and missing in its types. */
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: { isServer: boolean }) => Writable;
  Sender: { frame(data: Buffer, options: object): Buffer[] };
};

/** A frame as RFC 6455 §5.2 has it. */
function frame(opcode: number, length: number, masked: boolean): Buffer {
  const extended = length > 0xffff ? 8 : length > 125 ? 2 : 0;
  const head = Buffer.alloc(2 + extended + (masked ? 4 : 0));
  head[0] = 0x80 | opcode;
  head[1] = (masked ? 0x80 : 0) | (extended === 8 ? 127 : extended === 2 ? 126 : length);
  if (extended === 2) head.writeUInt16BE(length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.alloc(length, 0xff)]);
}

for (const masked of [true, false]) {
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 200_000]) {
    test(`a frame of ${length} bytes, ${masked ? 'masked' : 'plain'}, ends where it ends`, () => {
      const tracker = new FrameTracker();
      const bytes = Buffer.concat([frame(2, length, masked), frame(1, 3, masked)]);
      assert.equal(tracker.follow(bytes, true), bytes.length - frame(1, 3, masked).length);
      assert.equal(tracker.atBoundary, true);
    });
  }
}

test('boundaries do not depend on how the bytes are cut', () => {
  const frames = fc.array(
    fc.tuple(fc.constantFrom(0, 1, 2, 9, 10), fc.integer({ min: 0, max: 300 }), fc.boolean()),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(
      frames,
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (all, cuts) => {
        const parts = all.map((values) => frame(...values));
        const bytes = Buffer.concat(parts);
        const ends = new Set<number>();
        parts.reduce((end, part) => {
          ends.add(end + part.length);
          return end + part.length;
        }, 0);
        const tracker = new FrameTracker();
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const end = Math.min(bytes.length, at + (cuts[turn % cuts.length] ?? 1));
          while (at < end) {
            at += tracker.follow(bytes.subarray(at, end), true);
            assert.equal(tracker.atBoundary, ends.has(at), `at ${at}`);
          }
        }
        assert.equal(tracker.closing, false);
      },
    ),
    { numRuns: 200 },
  );
});

test('a Close frame that passes is seen with its first byte', () => {
  const tracker = new FrameTracker();
  tracker.follow(frame(1, 5, true));
  assert.equal(tracker.closing, false);
  tracker.follow(frame(8, 2, true).subarray(0, 1));
  assert.equal(tracker.closing, true);
});

test('a length beyond what can be counted gives up, and never ends a frame again', () => {
  const tracker = new FrameTracker();
  const bytes = Buffer.concat([
    Buffer.from([0x82, 0x7f]),
    Buffer.alloc(8, 0xff),
    frame(1, 2, false),
  ]);
  assert.equal(tracker.follow(bytes, true), bytes.length);
  assert.equal(tracker.broken, true);
});

for (const masked of [true, false]) {
  test(`ws reads the Close frame, ${masked ? 'masked' : 'plain'}`, () => {
    const receiver = new Receiver({ isServer: masked });
    let concluded: unknown;
    receiver.on('conclude', (code: number) => (concluded = code));
    receiver.write(closeFrame(1001, masked));
    assert.equal(concluded, 1001);
    assert.equal(closeFrame(1001, masked).length, masked ? 8 : 4);
  });
}

test('frames that ws sends are followed', () => {
  for (const mask of [true, false]) {
    const options = { fin: true, rsv1: true, opcode: 2, mask, readOnly: true };
    const bytes = Buffer.concat(Sender.frame(Buffer.alloc(70_000), options));
    const tracker = new FrameTracker();
    tracker.follow(bytes.subarray(0, 500));
    assert.equal(tracker.atBoundary, false);
    assert.equal(tracker.follow(bytes.subarray(500), true), bytes.length - 500);
    assert.equal(tracker.atBoundary, true);
  }
});
