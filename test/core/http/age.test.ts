import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageField, currentAge, initialAge, parseAge } from '../../../lib/core/http/age.ts';
import { longestDelta } from '../../../lib/core/http/delta-seconds.ts';
import type { Validity } from '../../../lib/core/http/validity.ts';

for (const [line, expected] of [
  [undefined, 0],
  ['', 0],
  ['0', 0],
  ['60', 60_000],
  ['60, 10', 60_000],
  ['60,x', 60_000],
  [' 60 , 10', 60_000],
  ['x, 60', 0],
  ['\xa060', 0],
  [', 60', 0],
  ['-60', 0],
  ['60.5', 0],
  ['60;a', 0],
  ['"60"', 0],
  ['99999999999999', longestDelta],
] as const)
  test(`§5.1: Age ${JSON.stringify(line)} is ${expected} ms`, () => {
    assert.equal(parseAge(line), expected);
  });

const received = 1_000_000;
for (const [what, age, date, requested, expected] of [
  ['nothing known', 0, undefined, received, 0],
  ['the delay counts', 0, undefined, received - 1500, 1500],
  ['Age and delay', 60_000, undefined, received - 1500, 61_500],
  ['an old Date', 0, received - 5000, received, 5000],
  ['the greater: Date', 2000, received - 5000, received - 1000, 5000],
  ['the greater: Age', 5000, received - 2000, received - 1000, 6000],
  ['a Date ahead', 0, received + 5000, received, 0],
  ['a clock set back in between', 0, received, received + 5000, 0],
  ['a clock set back in between', 60_000, received, received + 5000, 60_000],
  ['no more than 2^31 seconds', longestDelta, 0, received - 1000, longestDelta],
] as const)
  test(`§4.2.3: corrected_initial_age, ${what}`, () => {
    assert.equal(initialAge(age, date, { requested, received }), expected);
  });

const validity: Validity = {
  received,
  initialAge: 2500,
  lifetime: 60_000,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  alwaysValidate: false,
  neverStale: false,
  assumed: false,
};

for (const [now, age, field] of [
  [received, 2500, 2],
  [received + 499, 2999, 2],
  [received + 500, 3000, 3],
  [received - 10_000, 2500, 2],
  [received + 1e15, 1e15 + 2500, 2 ** 31],
] as const)
  test(`§4.2.3: current_age ${now - received} ms after its arrival`, () => {
    assert.equal(currentAge(validity, now), age);
    assert.equal(ageField(validity, now), field);
  });
