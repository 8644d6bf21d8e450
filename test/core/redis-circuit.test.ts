import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useClock } from '../../lib/core/clock.ts';
import { RedisCircuit } from '../../lib/core/redis-circuit.ts';

test('after a failure one command a second is let through, until one is answered', (t) => {
  let now = 1000;
  t.after(useClock({ monotonic: () => now }));
  const changes: [boolean, unknown][] = [];
  const circuit = new RedisCircuit((down, reason) => changes.push([down, reason]));

  assert.deepEqual([circuit.open, circuit.admit(), circuit.admit()], [false, true, true]);
  circuit.succeeded();
  assert.deepEqual(changes, []);

  circuit.failed('first');
  assert.deepEqual([circuit.open, circuit.admit(), circuit.downFor], [true, false, 0]);
  now += 999;
  assert.deepEqual([circuit.open, circuit.admit()], [true, false]);
  now += 1;
  assert.equal(circuit.open, false);
  assert.deepEqual([circuit.admit(), circuit.admit(), circuit.open], [true, false, true]);
  circuit.failed('second');
  assert.equal(circuit.downFor, 1000);
  now += 1000;
  assert.equal(circuit.admit(), true);
  circuit.succeeded();
  assert.deepEqual(
    [circuit.open, circuit.admit(), circuit.admit(), circuit.downFor],
    [false, true, true, 0],
  );
  assert.deepEqual(changes, [
    [true, 'first'],
    [false, undefined],
  ]);
});
