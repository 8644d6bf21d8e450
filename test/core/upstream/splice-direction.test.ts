import assert from 'node:assert/strict';
import { duplexPair, type Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { SpliceDirection } from '../../../lib/core/upstream/splice-direction.ts';
import { closeFrame } from '../../../lib/core/upstream/websocket-frames.ts';
import { until } from '../../support/servers.ts';

/** What is written to `near` arrives, through the direction, at `far`. */
function oneWay(t: TestContext, frames?: 'masked' | 'plain', head?: Buffer) {
  const [near, source] = duplexPair();
  const [sink, far] = duplexPair();
  const told: { bytes: number[]; ends: number } = { bytes: [], ends: 0 };
  const direction = new SpliceDirection(source, sink, frames, {
    moves: (_direction, bytes) => told.bytes.push(bytes) > 0,
    ended: () => told.ends++,
  });
  t.after(() => [near, source, sink, far].forEach((end: Duplex) => end.destroy()));
  const got = { bytes: Buffer.alloc(0), ended: false };
  direction.start(head);
  return {
    near,
    far,
    source,
    sink,
    direction,
    told,
    read() {
      far.on('data', (chunk: Buffer) => (got.bytes = Buffer.concat([got.bytes, chunk])));
      far.on('end', () => (got.ended = true));
      return got;
    },
  };
}

const text = (length: number): Buffer =>
  Buffer.concat([Buffer.from([0x81, length]), Buffer.alloc(length, 'x')]);
const goodbye = closeFrame(1001, false);

for (const [what, head] of [
  ['without a head', undefined],
  ['with an empty head', Buffer.alloc(0)],
  ['with a head', Buffer.from('early ')],
] as const)
  test(`bytes arrive in order, ${what}, then the end, and both are told`, async (t) => {
    const way = oneWay(t, undefined, head);
    const got = way.read();
    way.near.write('first ');
    way.near.end('last');
    await until(() => got.ended, 'the end');
    const expected = `${head?.toString() ?? ''}first last`;
    assert.equal(got.bytes.toString(), expected);
    assert.equal(way.direction.bytes, expected.length);
    assert.equal(
      way.told.bytes.reduce((sum, bytes) => sum + bytes, 0),
      expected.length,
    );
    assert.ok(way.direction.ended);
    assert.equal(way.told.ends, 1);
  });

test('a sink that is full stops the source until it drains', async (t) => {
  const way = oneWay(t);
  const total = 40 * 65_536;
  for (let turn = 0; turn < 40; turn++) way.near.write(Buffer.alloc(65_536));
  way.near.end();
  await until(() => way.source.isPaused(), 'backpressure');
  assert.ok(way.direction.bytes < total / 2, `${way.direction.bytes} bytes`);
  const got = way.read();
  await until(() => got.ended, 'the end');
  assert.equal(got.bytes.length, total);
});

test('close without frames is an end', async (t) => {
  const way = oneWay(t);
  const got = way.read();
  way.direction.close(1001);
  way.direction.close(1001);
  await until(() => got.ended, 'the end');
  assert.equal(way.told.ends, 1);
});

for (const frames of ['plain', 'masked'] as const)
  test(`close at a boundary is a ${frames} Close frame; the end waits for the source's`, async (t) => {
    const way = oneWay(t, frames);
    const got = way.read();
    way.direction.close(1001);
    await until(() => got.bytes.length === (frames === 'masked' ? 8 : 4), 'the Close frame');
    assert.equal(got.bytes[0], 0x88);
    assert.equal(got.bytes[1], frames === 'masked' ? 0x82 : 2);
    assert.equal(way.direction.ended, false);
    way.near.end(text(5));
    await until(() => got.ended, 'the end');
    assert.equal(got.bytes.length, frames === 'masked' ? 8 : 4, 'nothing follows a Close frame');
  });

for (const cut of [1, 2, 20, 51])
  test(`close amid a frame, after ${cut} of its bytes, waits for the frame's end`, async (t) => {
    const way = oneWay(t, 'plain');
    const got = way.read();
    const frame = text(50);
    way.near.write(frame.subarray(0, cut));
    await until(() => got.bytes.length === cut, 'the beginning');
    way.direction.close(1001);
    way.near.write(Buffer.concat([frame.subarray(cut), text(3)]));
    await until(() => got.bytes.length >= frame.length + goodbye.length, 'the rest');
    assert.deepEqual(got.bytes, Buffer.concat([frame, goodbye]));
  });

test('the source has said goodbye itself: close adds nothing', async (t) => {
  const way = oneWay(t, 'plain');
  const got = way.read();
  const own = closeFrame(4000, false);
  way.near.write(own);
  await until(() => got.bytes.length === own.length, 'the Close frame');
  way.direction.close(1001);
  way.near.end();
  await until(() => got.ended, 'the end');
  assert.deepEqual(got.bytes, own);
});

test('bytes that are no frames end without one', async (t) => {
  const way = oneWay(t, 'plain');
  const got = way.read();
  const absurd = Buffer.concat([Buffer.from([0x82, 127]), Buffer.alloc(8, 0xff)]);
  way.near.write(absurd);
  await until(() => got.bytes.length === absurd.length, 'the bytes');
  way.direction.close(1001);
  await until(() => got.ended, 'the end');
  assert.deepEqual(got.bytes, absurd);
});
