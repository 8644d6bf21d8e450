import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test, type TestContext } from 'node:test';
import { useClock } from '../../lib/core/clock.ts';
import { Transaction } from '../../lib/core/transaction.ts';

function record(t: TestContext): unknown[] {
  const seen: unknown[] = [];
  const listener = (payload: unknown): void => void seen.push(payload);
  subscribe('sekisho:transaction', listener);
  t.after(() => unsubscribe('sekisho:transaction', listener));
  return seen;
}

test('is published once, with how it ended and how long it took', (t) => {
  const seen = record(t);
  let time = 1000;
  t.after(useClock({ now: () => 5_000_000, monotonic: () => time }));
  const transaction = new Transaction('GET', '/a?b');
  time = 1250;
  assert.equal(transaction.elapsed(), 250);
  transaction.end('client-aborted');
  time = 9999;
  transaction.end('completed');
  assert.deepEqual(seen, [transaction]);
  assert.deepEqual(
    [transaction.started, transaction.total, transaction.outcome],
    [4_999_750, 250, 'client-aborted'],
  );
});

test('a jump of the wall clock does not count', (t) => {
  let wall = 5000;
  t.after(useClock({ now: () => wall, monotonic: () => 10 }));
  const transaction = new Transaction('GET', '/');
  wall = 1;
  transaction.end('completed');
  assert.equal(transaction.total, 0);
});

test('starts with what is known: method, target, and nothing counted', () => {
  const { method, target, attempts, status, bytesSent, bytesReceived, outcome, error } =
    new Transaction('POST', '/x');
  assert.deepEqual(
    { method, target, attempts, status, bytesSent, bytesReceived, outcome, error },
    {
      method: 'POST',
      target: '/x',
      attempts: 0,
      status: 0,
      bytesSent: 0,
      bytesReceived: 0,
      outcome: undefined,
      error: undefined,
    },
  );
});

test('its id is made once, or taken over before anybody has asked', () => {
  const own = new Transaction('GET', '/');
  const { id } = own;
  assert.match(id, /^[\da-f]{32}$/);
  own.adopt('late');
  assert.equal(own.id, id);
  const adopted = new Transaction('GET', '/');
  adopted.adopt('edge-1');
  adopted.adopt('edge-2');
  assert.equal(adopted.id, 'edge-1');
});

test('the time of writing is from the first byte to the end', (t) => {
  let time = 0;
  t.after(useClock({ monotonic: () => time }));
  const transaction = new Transaction('GET', '/');
  assert.equal(transaction.writing, undefined);
  transaction.firstByte = 20;
  time = 50;
  transaction.end('completed');
  assert.equal(transaction.writing, 30);
});

test('who watches fills it in before it is published, and is told after', (t) => {
  const order: string[] = [];
  const seen = record(t);
  const transaction = new Transaction('GET', '/');
  transaction.watchWith({
    quiet: true,
    complete: () => {
      order.push(`complete ${seen.length}`);
    },
    tell: () => {
      order.push(`tell ${seen.length}`);
    },
  });
  transaction.end('completed');
  transaction.end('failed');
  assert.deepEqual(order, ['complete 0', 'tell 1']);
});
