import assert from 'node:assert/strict';
import test from 'node:test';
import { TimeRing } from '../../lib/dashboard/time-ring.ts';

function ring(length = 4): { ring: TimeRing; begun: number[] } {
  const begun: number[] = [];
  return { ring: new TimeRing(10, length, 0, (slice) => begun.push(slice)), begun };
}

test('each slice begins once, in order, and has its place in turn', () => {
  const { ring: one, begun } = ring();
  assert.deepEqual(
    [0, 9, 10, 25, 39, 40].map((now) => one.at(now)),
    [0, 0, 1, 2, 3, 0],
  );
  assert.deepEqual(begun, [1, 2, 3, 4]);
});

test('after a long silence only the places there are begin anew', () => {
  const { ring: one, begun } = ring();
  assert.equal(one.at(1_000_000), 0);
  assert.deepEqual(begun, [99_997, 99_998, 99_999, 100_000]);
});

test('a time that comes late is counted to the slice of now', () => {
  const { ring: one } = ring();
  one.at(30);
  assert.equal(one.at(5), 3);
});

test('past slices are those that are over and still have a place', () => {
  const { ring: one } = ring();
  assert.deepEqual(one.past(), []);
  one.at(25);
  assert.deepEqual(one.past(), [0, 1]);
  one.at(100);
  assert.deepEqual(one.past(), [7, 8, 9]);
  assert.deepEqual(one.past(9), [9]);
  assert.deepEqual(one.past(10), []);
});
