import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { ProxyError } from '../../../lib/core/errors.ts';
import { WaitingLine } from '../../../lib/core/upstream/queue.ts';
import type { Server } from '../../../lib/core/upstream/server.ts';
import { candidate } from './balancing/candidates.ts';
import { standStill } from './pool-support.ts';

const headers = { 'Retry-After': '1' };
const server = candidate('http://a:1');

/** Takes as long as there are places. */
function places(free: number): { free: number; take: () => Server | undefined } {
  const counter = { free, take: () => (counter.free-- > 0 ? server : undefined) };
  return counter;
}

test('first come, first served, as many as there are places', async () => {
  const line = new WaitingLine(10, 1000);
  const place = places(0);
  const order: number[] = [];
  const waiting = [1, 2, 3].map((turn) =>
    line.wait(place.take, undefined, headers).then(() => order.push(turn)),
  );
  place.free = 2;
  line.wake();
  await Promise.all(waiting.slice(0, 2));
  assert.deepEqual(order, [1, 2]);
  assert.equal(line.length, 1);
  place.free = 1;
  line.wake();
  await waiting[2];
  assert.equal(line.length, 0);
});

test('one that waits for its own server does not hold up the others', async () => {
  const line = new WaitingLine(10, 1000);
  const own = places(0);
  const bound = line.wait(own.take, undefined, headers);
  const free = line.wait(() => server, undefined, headers);
  line.wake();
  assert.equal(await free, server);
  assert.equal(line.length, 1);
  own.free = 1;
  line.wake();
  assert.equal(await bound, server);
});

test('a refusal while waiting reaches the one it is for', async () => {
  const line = new WaitingLine(10, 1000);
  const lost = new ProxyError('ERR_SEKISHO_STICKY_LOST');
  const refused = line.wait(
    () => {
      throw lost;
    },
    undefined,
    headers,
  );
  const served = line.wait(() => server, undefined, headers);
  line.wake();
  await assert.rejects(refused, lost);
  assert.equal(await served, server);
});

for (const limit of [0, 1, 3])
  test(`no more than ${limit} wait`, async () => {
    const line = new WaitingLine(limit, 1000);
    const waiting = Array.from({ length: limit }, () =>
      line.wait(() => server, undefined, headers),
    );
    assert.throws(() => line.wait(() => server, undefined, headers), {
      code: 'ERR_SEKISHO_QUEUE_FULL',
      headers,
    });
    line.wake();
    await Promise.all(waiting);
  });

test('time runs for each from its own coming', async (t) => {
  const time = standStill(t);
  const line = new WaitingLine(10, 1000);
  const late = { code: 'ERR_SEKISHO_QUEUE_TIMEOUT', headers };
  const first = assert.rejects(
    line.wait(() => undefined, undefined, headers),
    late,
  );
  time.advance(600);
  const second = assert.rejects(
    line.wait(() => undefined, undefined, headers),
    late,
  );
  time.advance(400);
  await first;
  assert.equal(line.length, 1);
  time.advance(600);
  await second;
  assert.equal(line.length, 0);
});

test('a client that has gone before does not even begin to wait', () => {
  const line = new WaitingLine(10, 1000);
  const gone = Object.assign(new EventEmitter(), { destroyed: true });
  assert.throws(() => line.wait(() => server, gone, headers), {
    code: 'ERR_SEKISHO_CLIENT_ABORTED',
  });
  assert.equal(line.length, 0);
});

test('a client that goes leaves the line, and nobody takes a place for it', async () => {
  const line = new WaitingLine(10, 1000);
  const client = new EventEmitter();
  const place = places(1);
  const gone = line.wait(place.take, client, headers);
  client.emit('close');
  await assert.rejects(gone, { code: 'ERR_SEKISHO_CLIENT_ABORTED' });
  line.wake();
  assert.equal(place.free, 1);
});

for (const end of ['a place', 'the time', 'the end of the pool', 'the client'] as const)
  test(`after ${end} neither listener nor timer is left`, async (t) => {
    const time = standStill(t);
    const line = new WaitingLine(10, 1000);
    const client = new EventEmitter();
    const outcome = Promise.allSettled([line.wait(() => server, client, headers)]);
    if (end === 'a place') line.wake();
    if (end === 'the time') time.advance(1000);
    if (end === 'the end of the pool') line.clear(new ProxyError('ERR_SEKISHO_SHUTTING_DOWN'));
    if (end === 'the client') client.emit('close');
    assert.equal((await outcome)[0].status, end === 'a place' ? 'fulfilled' : 'rejected');
    assert.equal(client.listenerCount('close'), 0);
    assert.equal(line.length, 0);
    assert.equal(time.timers(), 0);
  });
