import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useClock } from '../../lib/core/clock.ts';
import type { Schedule, TimeWindow } from '../../lib/url-filter/index.ts';
import { scheduleField } from '../../lib/url-filter/schedule.ts';
import { filtered, problemsOf } from './support.ts';

const berlin = 'Europe/Berlin';
const workdays = ['mon', 'tue', 'wed', 'thu', 'fri'] as const;

for (const [schedule, moment, inside] of [
  // 23 November 2026 is a Monday; Berlin is an hour ahead of UTC.
  [{ timeZone: 'UTC' }, '2026-11-23T12:00Z', true],
  [{ from: '09:00', to: '17:00', timeZone: 'UTC' }, '2026-11-23T09:00Z', true],
  [{ from: '09:00', to: '17:00', timeZone: 'UTC' }, '2026-11-23T08:59:59.999Z', false],
  [{ from: '09:00', to: '17:00', timeZone: 'UTC' }, '2026-11-23T16:59:59.999Z', true],
  [{ from: '09:00', to: '17:00', timeZone: 'UTC' }, '2026-11-23T17:00Z', false],
  [{ from: '09:00', to: '17:00', timeZone: berlin }, '2026-11-23T08:00Z', true],
  [{ from: '09:00', to: '17:00', timeZone: berlin }, '2026-11-23T16:00Z', false],
  [{ from: '09:00', timeZone: 'UTC' }, '2026-11-23T23:59Z', true],
  [{ to: '09:00', timeZone: 'UTC' }, '2026-11-23T00:00Z', true],
  [{ days: workdays, timeZone: 'UTC' }, '2026-11-22T23:59Z', false],
  [{ days: workdays, timeZone: 'UTC' }, '2026-11-23T00:00Z', true],
  [{ days: workdays, timeZone: 'Pacific/Auckland' }, '2026-11-22T11:30Z', true],
  [{ days: ['sun'], timeZone: 'America/New_York' }, '2026-11-23T04:59Z', true],
  // Over midnight a window is of the day on which it begins.
  [{ days: ['mon'], from: '22:00', to: '06:00', timeZone: 'UTC' }, '2026-11-23T05:00Z', false],
  [{ days: ['mon'], from: '22:00', to: '06:00', timeZone: 'UTC' }, '2026-11-23T22:00Z', true],
  [{ days: ['mon'], from: '22:00', to: '06:00', timeZone: 'UTC' }, '2026-11-24T05:59Z', true],
  [{ days: ['mon'], from: '22:00', to: '06:00', timeZone: 'UTC' }, '2026-11-24T06:00Z', false],
  [{ days: ['sun'], from: '22:00', to: '06:00', timeZone: 'UTC' }, '2026-11-23T05:59Z', true],
  // Summer time begins: 02:00 is 03:00, and 02:30 is never.
  [{ from: '02:00', to: '03:00', timeZone: berlin }, '2026-03-29T00:59Z', false],
  [{ from: '02:00', to: '03:00', timeZone: berlin }, '2026-03-29T01:00Z', false],
  [{ from: '01:30', to: '03:30', timeZone: berlin }, '2026-03-29T00:45Z', true],
  [{ from: '01:30', to: '03:30', timeZone: berlin }, '2026-03-29T01:15Z', true],
  [{ from: '01:30', to: '03:30', timeZone: berlin }, '2026-03-29T01:30Z', false],
  // It ends: 02:30 is twice.
  [{ from: '02:00', to: '03:00', timeZone: berlin }, '2026-10-25T00:30Z', true],
  [{ from: '02:00', to: '03:00', timeZone: berlin }, '2026-10-25T01:30Z', true],
  [{ from: '02:00', to: '03:00', timeZone: berlin }, '2026-10-25T02:00Z', false],
  [{ from: '22:00', to: '06:00', timeZone: berlin }, '2026-10-25T03:30Z', true],
  [{ from: '22:00', to: '06:00', timeZone: berlin }, '2026-10-25T05:00Z', false],
  // A zone that is off by three quarters of an hour.
  [{ from: '09:45', to: '10:00', timeZone: 'Asia/Kathmandu' }, '2026-11-23T04:00Z', true],
  [
    [
      { days: ['mon'], to: '01:00', timeZone: 'UTC' },
      { from: '12:00', to: '13:00', timeZone: 'UTC' },
    ],
    '2026-11-24T12:30Z',
    true,
  ],
] as const)
  test(`${JSON.stringify(schedule)} is ${inside ? '' : 'not '}in force at ${moment}`, (t) => {
    t.after(useClock({ now: () => Date.parse(moment) }));
    assert.equal(scheduleField().parse(schedule as Schedule)(), inside);
  });

test('follows the clock, backwards, too', (t) => {
  let now = Date.parse('2026-11-23T08:59Z');
  t.after(useClock({ now: () => now }));
  const inForce = scheduleField().parse({ from: '09:00', timeZone: 'UTC' });
  assert.equal(inForce(), false);
  now += 60_000;
  assert.equal(inForce(), true);
  now -= 1;
  assert.equal(inForce(), false);
});

test('without a time zone it is that of the process', (t) => {
  const noon = new Date(2026, 10, 23, 12).getTime();
  t.after(useClock({ now: () => noon }));
  assert.equal(scheduleField().parse({ from: '12:00', to: '12:01' })(), true);
});

const work: TimeWindow = { days: workdays, from: '09:00', to: '17:00', timeZone: 'UTC' };
const [working, evening] = [Date.parse('2026-11-23T10:00Z'), Date.parse('2026-11-23T20:00Z')];

for (const [what, options, atWork, inTheEvening] of [
  ['the filter', { deny: ['/games'], schedule: work }, 403, 200],
  ['a pattern', { deny: [{ path: '/games', schedule: work }] }, 403, 200],
  ['a permission', { deny: ['/games'], exceptions: [{ path: '/', schedule: work }] }, 200, 403],
  [
    'a group',
    { deny: ['/games'], groups: [{ name: 'work', schedule: work, deny: ['/x'] }] },
    200,
    403,
  ],
] as const)
  test(`schedule of ${what}`, async (t) => {
    let now = working;
    t.after(useClock({ now: () => now }));
    const { ask } = await filtered(t, options);
    assert.equal((await ask('/games')).status, atWork);
    now = evening;
    assert.equal((await ask('/games')).status, inTheEvening);
    // Whatever the time is, a path has one reading.
    assert.equal((await ask('/games%2f')).status, 400);
  });

for (const [schedule, problem] of [
  [{ day: ['mon'] }, /unknown option 'day'; did you mean 'days'\?/],
  [{ days: ['monday'] }, /'monday' is not allowed; use one of 'mon'/],
  [{ days: [] }, /\[\] is never/],
  [[], /\[\] is never/],
  [{ from: '9:00' }, /'9:00' is no time; use one such as '08:30'/],
  [{ from: '25:00' }, /'25:00' is no time/],
  [{ to: '12:60' }, /'12:60' is no time/],
  [{ from: 9 }, /9 is no time/],
  [{ from: '10:00', to: '10:00' }, /'from' is the same time as 'to'/],
  [{ from: '24:00', to: '01:00' }, /'24:00' is the end of a day/],
  [{ timeZone: 'Europe/Berln' }, /is no time zone; .* did you mean 'Europe\/Berlin'\?/],
  ['09:00-17:00', /^schedule: '09:00-17:00' is not allowed/],
] as const)
  test(`schedule ${JSON.stringify(schedule)} is refused`, () => {
    assert.match(problemsOf({ schedule }).join('\n'), problem);
  });
