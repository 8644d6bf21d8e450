import assert from 'node:assert/strict';
import test from 'node:test';
import { useClock } from '../../lib/core/clock.ts';
import { Journal, type EntryInit } from '../../lib/dashboard/journal.ts';

const denied: EntryInit = {
  group: 'refusal',
  level: 'notice',
  kind: 'auth',
  what: 'denied',
  subject: 'GET /admin',
};

test('what happens again is counted, and is the latest again', (t) => {
  let now = 1000;
  t.after(useClock({ now: () => now }));
  const journal = new Journal(10);
  journal.add(denied, true);
  now = 2000;
  journal.add({ ...denied, subject: 'GET /other' }, true);
  now = 3000;
  journal.add(denied, true);
  assert.deepEqual(
    journal
      .since(0)
      .map(({ id, subject, count, first, last }) => [id, subject, count, first, last]),
    [
      [2, 'GET /other', 1, 2000, 2000],
      [1, 'GET /admin', 2, 1000, 3000],
    ],
  );
});

for (const [name, other] of [
  ['client', { client: '192.0.2.1' }],
  ['user', { user: 'mia' }],
  ['detail', { detail: 'not in the group' }],
  ['outcome', { what: 'locked' }],
] as const)
  test(`another ${name} makes it another entry`, () => {
    const journal = new Journal(10);
    journal.add(denied, true);
    journal.add({ ...denied, ...other }, true);
    assert.equal(journal.since(0).length, 2);
  });

test('a story is told as it was', () => {
  const journal = new Journal(10);
  for (const what of ['down', 'up', 'down']) journal.add({ ...denied, what }, false);
  assert.deepEqual(
    journal.since(0).map(({ what, count }) => [what, count]),
    [
      ['down', 1],
      ['up', 1],
      ['down', 1],
    ],
  );
});

test('its length is fixed, and the oldest goes first', () => {
  const journal = new Journal(3);
  for (let at = 0; at < 10_000; at++) journal.add({ ...denied, subject: String(at) }, true);
  assert.deepEqual(
    journal.since(0).map(({ subject }) => subject),
    ['9997', '9998', '9999'],
  );
});

test('only what has changed since a revision is told', () => {
  const journal = new Journal(10);
  journal.add(denied, true);
  journal.add({ ...denied, subject: 'GET /other' }, true);
  const { revision } = journal;
  assert.deepEqual(journal.since(revision), []);
  journal.add(denied, true);
  assert.deepEqual(
    journal.since(revision).map(({ id, count }) => [id, count]),
    [[1, 2]],
  );
});
