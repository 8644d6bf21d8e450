import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailureCounter } from '../../lib/auth-gate/failure-counter.ts';

const backoff = { attempts: 3, window: 1000, base: 100, max: 500 };

test('locks at the third failure, then twice as long each time, up to the most', () => {
  const counter = new FailureCounter(backoff);
  const locks: number[] = [];
  let now = 0;
  for (let failure = 1; failure <= 7; failure++) {
    locks.push(counter.fail('a', now));
    now += locks.at(-1)!;
    assert.equal(counter.remaining('a', now), 0);
    if (locks.at(-1)! > 0) assert.equal(counter.remaining('a', now - 1), 1);
  }
  assert.deepEqual(locks, [0, 0, 100, 200, 400, 500, 500]);
});

test('forgets when nothing failed for the window, counted from the end of the lock', () => {
  const counter = new FailureCounter(backoff);
  for (let failure = 1; failure <= 3; failure++) counter.fail('a', 0);
  assert.equal(counter.fail('a', 1099), 200);
  assert.equal(counter.fail('a', 2299), 0);
});

test('forgives some, or all', () => {
  const counter = new FailureCounter(backoff);
  for (let failure = 1; failure <= 2; failure++) counter.fail('a', 0);
  assert.equal(counter.forgive('a', 0, 1), 2);
  assert.equal(counter.fail('a', 0), 0);
  assert.equal(counter.fail('a', 0), 100);
  assert.equal(counter.forgive('a', 0), 3);
  assert.equal(counter.remaining('a', 0), 0);
  assert.equal(counter.forgive('b', 0), 0);
});

test('learns of locks that others have counted, and of their end', () => {
  const counter = new FailureCounter(backoff);
  counter.learn('a', 0, 50);
  assert.equal(counter.remaining('a', 10), 40);
  counter.learn('a', 10, 0);
  assert.equal(counter.remaining('a', 10), 0);
});

test('remembers a bounded number of keys', () => {
  const counter = new FailureCounter({ ...backoff, attempts: 1 });
  for (let key = 0; key < 25_000; key++) counter.fail(String(key), 0);
  let locked = 0;
  for (let key = 0; key < 25_000; key++) if (counter.remaining(String(key), 1) > 0) locked++;
  assert.equal(locked, 20_000);
  assert.ok(counter.remaining('24999', 1) > 0);
});
