import assert from 'node:assert/strict';
import test from 'node:test';
import { Alerts } from '../../lib/egress-guard/alerts.ts';
import type { EgressAlert } from '../../lib/egress-guard/rules.ts';
import { FakeTime } from './support.ts';

const alertOf = (repeated: number): EgressAlert => ({
  ...{ rule: 'secret', severity: 'high', score: 1, blocked: true, destination: 'a.example' },
  ...{ evidence: {}, documentation: '', repeated },
});

test('each thing is told once in its window, with a count of what came since', (t) => {
  const time = new FakeTime(t);
  const told: number[] = [];
  const alerts = new Alerts(1000, ({ repeated }) => told.push(repeated));
  for (let count = 0; count < 4; count++) alerts.raise('a', alertOf);
  alerts.raise('b', alertOf);
  assert.deepEqual(told, [0, 0]);
  time.advance(1000);
  alerts.raise('a', alertOf);
  assert.deepEqual(told, [0, 0, 3]);
});

test('what another process has told is not told again, but counted', (t) => {
  const time = new FakeTime(t);
  const told: number[] = [];
  const alerts = new Alerts(1000, ({ repeated }) => told.push(repeated));
  alerts.toldElsewhere('a');
  assert.equal(alerts.raise('a', alertOf), false);
  time.advance(1000);
  assert.equal(alerts.raise('a', alertOf), true);
  assert.deepEqual(told, [1]);
});

test('a million different things are not all remembered', () => {
  const alerts = new Alerts(1e9, undefined);
  for (let number = 0; number < 20_000; number++) alerts.raise(String(number), alertOf);
  assert.equal(alerts.raise('0', alertOf), true);
  assert.equal(alerts.raise('19999', alertOf), false);
});
