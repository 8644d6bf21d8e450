import assert from 'node:assert/strict';
import test from 'node:test';
import { LabelValues, methodLabel, statusLabel } from '../../lib/metrics/label-values.ts';

test('the first values are told apart, the others are one', () => {
  const values = new LabelValues(2);
  const labels = ['a', 'b', 'c', 'a', 'd', 'b'].map((value) => values.of(value));
  assert.deepEqual(labels, ['a', 'b', 'other', 'a', 'other', 'b']);
});

test('nothing is a dash, and takes no place', () => {
  const values = new LabelValues(1);
  assert.deepEqual([values.of(undefined), values.of(''), values.of('a')], ['-', '-', 'a']);
});

test('methods of clients’ making are one', () => {
  assert.deepEqual(['GET', 'PROPFIND', 'get', ''].map(methodLabel), [
    'GET',
    'other',
    'other',
    'other',
  ]);
});

test('statuses are those of HTTP', () => {
  assert.deepEqual([200, 499, 600, 0, 99].map(statusLabel), [
    '200',
    '499',
    'other',
    'other',
    'other',
  ]);
});
