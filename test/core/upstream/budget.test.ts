import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { useClock } from '../../../lib/core/clock.ts';
import { RetryBudget } from '../../../lib/core/upstream/budget.ts';

function holdTime(t: TestContext): { now: number } {
  const time = { now: 123_456 };
  t.after(useClock({ monotonic: () => time.now }));
  return time;
}

/** Every request fails and asks for up to so many retries. @returns retries granted */
function failing(budget: RetryBudget, requests: number, retries = 2): number {
  let granted = 0;
  for (let request = 0; request < requests; request++) {
    budget.deposit();
    for (let retry = 0; retry < retries && budget.withdraw(); retry++) granted++;
  }
  return granted;
}

for (const [share, requests, granted] of [
  [0.2, 0, 0],
  [0.2, 1, 2],
  [0.2, 10, 8],
  [0.2, 25, 8],
  [0.2, 100, 20],
  [0.2, 1000, 200],
  [0.5, 100, 50],
  [1, 100, 100],
  [0.01, 100, 8],
  [0, 100, 0],
] as const)
  test(`a share of ${share} grants ${granted} retries when ${requests} requests fail at once`, (t) => {
    holdTime(t);
    assert.equal(failing(new RetryBudget(share), requests), granted);
  });

test('after ten seconds requests give no right to retries any more, and retries take none', (t) => {
  const time = holdTime(t);
  const budget = new RetryBudget(0.2);
  assert.equal(failing(budget, 100), 20);
  time.now += 8000;
  assert.equal(budget.withdraw(), false);
  time.now += 2000;
  assert.deepEqual(
    Array.from({ length: 9 }, () => budget.withdraw()),
    [...Array.from({ length: 8 }, () => true), false],
  );
  assert.equal(failing(budget, 100), 12);
});

test('successful requests save up for a failure', (t) => {
  const time = holdTime(t);
  const budget = new RetryBudget(0.2);
  for (let request = 0; request < 90; request++, time.now += 100) budget.deposit();
  const granted = Array.from({ length: 50 }, () => budget.withdraw()).filter(Boolean).length;
  assert.equal(granted, 18);
});

test('a long silence empties the window', (t) => {
  const time = holdTime(t);
  const budget = new RetryBudget(0.2);
  failing(budget, 1000);
  time.now += 1e9;
  assert.equal(failing(budget, 100), 20);
});

test('however requests come, none is granted when ten seconds had their share, or five', (t) => {
  const time = holdTime(t);
  const steps = fc.array(fc.record({ pause: fc.nat(4000), requests: fc.nat(60) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, fc.double({ min: 0.05, max: 1, noNaN: true }), (list, share) => {
      const budget = new RetryBudget(share);
      const events: { second: number; requests: number; retries: number }[] = [];
      for (const { pause, requests } of list) {
        time.now += pause;
        const retries = failing(budget, requests, 3);
        const second = Math.floor(time.now / 1000);
        events.push({ second, requests, retries });
        const window = events.filter((event) => event.second > second - 10);
        const sum = (key: 'requests' | 'retries') => window.reduce((n, event) => n + event[key], 0);
        assert.ok(retries === 0 || sum('retries') <= Math.max(8, share * sum('requests')));
      }
    }),
  );
});

for (const [perSecond, share] of [
  [5, 0.2],
  [20, 0.2],
  [300, 0.2],
  [20, 0.5],
  [60, 0.05],
] as const)
  test(`${perSecond} failures per second for 100 seconds cost ${share} retries each, not one more`, (t) => {
    const time = holdTime(t);
    const budget = new RetryBudget(share);
    const requests = 100 * perSecond;
    let granted = 0;
    for (let request = 0; request < requests; request++, time.now += 1000 / perSecond)
      granted += failing(budget, 1);
    assert.ok(granted <= share * requests, `${granted}`);
    assert.ok(granted > 0.9 * share * requests, `${granted}`);
  });

test('hardly any traffic: every ten seconds eight retries, whatever was lent before', (t) => {
  const time = holdTime(t);
  const budget = new RetryBudget(0.2);
  for (let window = 0; window < 5; window++, time.now += 10_000)
    assert.equal(failing(budget, 1, 19), 8);
});
