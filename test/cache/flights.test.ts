import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Flight } from '../../lib/cache/flight.ts';
import { Flights } from '../../lib/cache/flights.ts';

/** Some bytes that can be seen on the heap. */
function bulky(): Flight {
  return { ballast: Array.from({ length: 500 }, () => 0) } as unknown as Flight;
}

test('a fetch is found by its key until it is given up', () => {
  const flights = new Flights();
  const [one, other] = [bulky(), bulky()];
  flights.set('a', one);
  assert.equal(flights.get('a'), one);
  flights.set('a', other);
  assert.equal(flights.get('a'), other);
  assert.ok(flights.has('a') && !flights.has('b'));
  flights.delete('a');
  flights.delete('a');
  assert.ok(!flights.has('a') && flights.get('a') === undefined);
});

test('those that are to be forgotten are, the others stay', () => {
  const flights = new Flights();
  const all = new Map(['a', 'b', 'c'].map((key) => [key, bulky()]));
  for (const [key, flight] of all) flights.set(key, flight);
  flights.forget((flight) => flight !== all.get('b'));
  assert.deepEqual(
    [...all.keys()].filter((key) => flights.has(key)),
    ['b'],
  );
});

test('of 24 MB of fetches that are over a full collection finds less than 4 MB', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: { type: 'minor' | 'major' }) => void;
  const flights = new Flights();
  collect({ type: 'major' });
  for (let round = 0; round < 300; round++) {
    for (let at = 0; at < 20; at++) {
      flights.set(`key ${round} ${at}`, bulky());
      if (at > 0) flights.delete(`key ${round} ${at - 1}`);
    }
    collect({ type: 'minor' });
    flights.delete(`key ${round} 19`);
  }
  const before = process.memoryUsage().heapUsed;
  collect({ type: 'major' });
  const left = before - process.memoryUsage().heapUsed;
  assert.ok(left < 4_000_000, `${left} bytes`);
});
