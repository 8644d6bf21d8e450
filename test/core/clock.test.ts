import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { clock, useClock } from '../../lib/core/clock.ts';
import { until } from '../support/servers.ts';

test('the system clock: wall time, monotonic time, chance', () => {
  const before = Date.now();
  assert.ok(clock.now() >= before && clock.now() <= Date.now());
  const first = clock.monotonic();
  assert.ok(clock.monotonic() >= first);
  const dice = clock.random();
  assert.ok(dice >= 0 && dice < 1);
});

test('after calls once, every again and again, both can be cancelled', async () => {
  const calls = { after: 0, every: 0, cancelled: 0 };
  clock.after(1, () => calls.after++);
  const stop = clock.every(1, () => calls.every++);
  clock.after(1, () => calls.cancelled++)();
  await until(() => calls.every >= 3, 'three ticks');
  stop();
  const { every } = calls;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(calls, { after: 1, every, cancelled: 0 });
});

for (const delay of [2 ** 31, 2 ** 40, Infinity])
  test(`a delay of ${String(delay)} ms is not taken for none`, async (t) => {
    let called = false;
    const cancels = [
      clock.after(delay, () => (called = true)),
      clock.every(delay, () => (called = true)),
    ];
    t.after(() => {
      for (const cancel of cancels) cancel();
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(called, false);
  });

test('timers keep no process alive', () => {
  const module = new URL('../../lib/core/clock.ts', import.meta.url).href;
  const script = `const { clock } = await import(${JSON.stringify(module)}); clock.after(60000, () => {}); clock.every(60000, () => {});`;
  const { status, signal } = spawnSync(
    process.execPath,
    ['--input-type=module', '--conditions=sekisho-source', '-e', script],
    { timeout: 120_000 },
  );
  assert.deepEqual([status, signal], [0, null]);
});

test('a test can hold time still, in part, and give it back', () => {
  const restore = useClock({ now: () => 42, random: () => 0.5 });
  try {
    assert.deepEqual([clock.now(), clock.random()], [42, 0.5]);
    assert.ok(clock.monotonic() > 0);
  } finally {
    restore();
  }
  assert.notEqual(clock.now(), 42);
});
