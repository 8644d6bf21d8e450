import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Evidence } from '../../../lib/core/upstream/evidence.ts';

const window = 10_000;

for (const [what, outcomes, at, requests, failures] of [
  ['nothing yet', [], 0, 0, 0],
  [
    'good and bad together',
    [
      [0, false],
      [0, true],
      [900, true],
    ],
    900,
    3,
    2,
  ],
  ['an old one until its tenth of the window has passed', [[0, true]], 9999, 1, 1],
  ['none older than the window', [[0, true]], 10_000, 0, 0],
  [
    'only what is left of several',
    [
      [0, true],
      [5000, false],
      [9000, true],
    ],
    12_000,
    2,
    1,
  ],
  [
    'nothing after a pause of many windows',
    [
      [0, true],
      [500, true],
    ],
    1_000_000,
    0,
    0,
  ],
  [
    'what comes after such a pause',
    [
      [0, true],
      [1_000_000, false],
    ],
    1_000_000,
    1,
    0,
  ],
] as [string, [number, boolean][], number, number, number][])
  test(`the window holds ${what}`, () => {
    const evidence = new Evidence();
    for (const [time, failed] of outcomes) evidence.add(time, window, failed);
    assert.equal(evidence.requests(at, window), requests);
    assert.equal(evidence.failures(at, window), failures);
  });

test('whatever came when: never less than the last nine tenths of the window, never more than all of it', () => {
  const outcome = fc.tuple(fc.integer({ min: 0, max: 8000 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 60 }), (outcomes) => {
      const evidence = new Evidence();
      let now = 0;
      const seen = outcomes.map(([pause, failed]) => {
        now += pause;
        evidence.add(now, window, failed);
        return { time: now, failed };
      });
      const within = (span: number): number => seen.filter(({ time }) => time > now - span).length;
      const held = evidence.requests(now, window);
      assert.ok(held >= within(0.9 * window) && held <= within(window), `${held} at ${now}`);
      assert.ok(evidence.failures(now, window) <= held);
    }),
  );
});

test('a clean slate', () => {
  const evidence = new Evidence();
  evidence.add(500, window, true);
  evidence.consecutiveFailures = evidence.consecutiveErrors = evidence.unanswered = 4;
  evidence.clear();
  assert.deepEqual(
    [
      evidence.requests(500, window),
      evidence.failures(500, window),
      evidence.consecutiveFailures,
      evidence.consecutiveErrors,
      evidence.unanswered,
    ],
    [0, 0, 0, 0, 0],
  );
});
