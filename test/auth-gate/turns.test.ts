import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '../../lib/auth-gate/turns.ts';

test('what needs no waiting is done at once', () => {
  assert.equal(
    new Turns(1).take(
      'a',
      () => 1,
      () => 2,
    ),
    1,
  );
});

test('one after the other for one key, side by side for two, and no more than may wait', async () => {
  const turns = new Turns(2);
  const log: string[] = [];
  const steps: (() => void)[] = [];
  const task = (name: string) => (): Promise<string> =>
    new Promise((resolve) => {
      log.push(`${name} begins`);
      steps.push(() => {
        log.push(`${name} ends`);
        resolve(name);
      });
    });
  const full = (): string => 'full';
  const results = [
    turns.take('x', task('x1'), full),
    turns.take('x', task('x2'), full),
    turns.take('x', task('x3'), full),
    turns.take('x', task('x4'), full),
    turns.take('y', task('y1'), full),
  ];
  while (steps.length > 0) {
    for (const step of steps.splice(0)) step();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(await Promise.all(results.map(async (one) => one)), [
    'x1',
    'x2',
    'x3',
    'full',
    'y1',
  ]);
  assert.deepEqual(log, [
    ...['x1 begins', 'y1 begins', 'x1 ends', 'y1 ends'],
    ...['x2 begins', 'x2 ends', 'x3 begins', 'x3 ends'],
  ]);
});

test('a failure does not hold up those behind it', async () => {
  const turns = new Turns(5);
  const full = (): string => 'full';
  const first = turns.take('a', () => Promise.reject(new Error('broken')), full);
  const second = turns.take('a', () => Promise.resolve('well'), full);
  await assert.rejects(Promise.resolve(first), /broken/);
  assert.equal(await second, 'well');
});
