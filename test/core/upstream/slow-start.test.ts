import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useClock } from '../../../lib/core/clock.ts';
import { SlowStart } from '../../../lib/core/upstream/slow-start.ts';
import { candidates } from './balancing/candidates.ts';
import { standStill } from './pool-support.ts';

for (const [elapsed, share] of [
  [0, 0.1],
  [2500, 0.325],
  [5000, 0.55],
  [9500, 0.955],
  [10_000, 1],
  [60_000, 1],
] as const)
  test(`after ${elapsed} of 10000 ms the share is ${share}`, (t) => {
    const time = standStill(t);
    const [server] = candidates({ weight: 4 });
    new SlowStart(10_000).begin(server!);
    time.advance(elapsed);
    assert.equal(server!.share.toFixed(3), share.toFixed(3));
    assert.equal(server!.effectiveWeight, 4 * server!.share);
  });

test('without a duration a server has all at once', () => {
  const [server] = candidates({});
  new SlowStart(0).begin(server!);
  assert.equal(server!.share, 1);
});

test('servers grow each on its own; one that has gone again is as it was', (t) => {
  const time = standStill(t);
  const [early, late, gone] = candidates({}, {}, {});
  const slowStart = new SlowStart(10_000);
  slowStart.begin(early!);
  time.advance(5000);
  slowStart.begin(late!);
  slowStart.begin(gone!);
  slowStart.cancel(gone!);
  time.advance(2500);
  assert.deepEqual(
    [early, late, gone].map((server) => server!.share.toFixed(3)),
    ['0.775', '0.325', '1.000'],
  );
});

for (const end of ['full weight', 'cancel', 'close'] as const)
  test(`the timer ends with ${end}, and a later server starts another`, (t) => {
    let timers = 0;
    let now = 0;
    let tick = (): void => assert.fail('no timer');
    t.after(
      useClock({
        monotonic: () => now,
        every: (_delay, callback) => {
          timers++;
          tick = callback;
          return () => {
            timers--;
          };
        },
      }),
    );
    const [one, other] = candidates({}, {});
    const slowStart = new SlowStart(1000);
    slowStart.begin(one!);
    slowStart.begin(other!);
    assert.equal(timers, 1, 'one for all');
    now = 1000;
    if (end === 'full weight') tick();
    if (end === 'cancel') for (const server of [one, other]) slowStart.cancel(server!);
    if (end === 'close') slowStart.close();
    assert.equal(timers, 0);
    slowStart.begin(one!);
    assert.equal(timers, 1);
    slowStart.close();
  });
