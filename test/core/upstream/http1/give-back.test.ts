import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveBack } from '../../../../lib/core/upstream/http1/give-back.ts';

const whole = (length: number): Buffer => Buffer.from(new ArrayBuffer(length));
const resizable = new ArrayBuffer(64 * 1024, { maxByteLength: 128 * 1024 });

for (const [name, piece, left] of [
  ['a large piece of its own', whole(64 * 1024), 0],
  ['a small one', whole(1024), 1024],
  ['a part of something larger', whole(64 * 1024).subarray(0, 32 * 1024), 32 * 1024],
  ['one behind something else', whole(64 * 1024).subarray(100), 64 * 1024 - 100],
  ['one from the pool of buffers', Buffer.from('x'.repeat(3000)), 3000],
  ['shared memory', Buffer.from(new SharedArrayBuffer(64 * 1024)), 64 * 1024],
  ['memory that grows', Buffer.from(resizable), 64 * 1024],
] as const)
  test(`${name} ${left === 0 ? 'is given back' : 'stays'}`, () => {
    giveBack(piece);
    assert.equal(piece.length, left);
  });
