import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatHttpDate, parseHttpDate } from '../../../lib/core/http/http-date.ts';

const now = Date.UTC(2025, 5, 15, 12);
const example = Date.UTC(1994, 10, 6, 8, 49, 37);

for (const [text, expected] of [
  ['Sun, 06 Nov 1994 08:49:37 GMT', example],
  ['Sunday, 06-Nov-94 08:49:37 GMT', example],
  ['Sun Nov  6 08:49:37 1994', example],
  ['Wed Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
  ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
  ['Tue, 29 Feb 2000 00:00:00 GMT', Date.UTC(2000, 1, 29)],
  ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
  ['Fri, 31 Dec 9999 23:59:59 GMT', Date.UTC(9999, 11, 31, 23, 59, 59)],
  ['Sat, 01 Jan 0000 00:00:00 GMT', new Date(0).setUTCFullYear(0, 0, 1)],
] as const)
  test(`RFC 9110 §5.6.7: '${text}' is a date`, () => {
    assert.equal(parseHttpDate(text, now), expected);
  });

for (const [text, why] of [
  ['', 'nothing'],
  ['0', 'what servers send for "expired"'],
  ['-1', 'what servers send for "expired"'],
  ['Sun, 06 Nov 1994 08:49:37', 'no zone'],
  ['Sun, 06 Nov 1994 08:49:37 UTC', 'another zone'],
  ['Sun, 06 Nov 1994 08:49:37 gmt', 'zone in lower case'],
  ['Sun, 06 Nov 1994 08:49:37 +0000', 'a numeric zone'],
  ['SUN, 06 Nov 1994 08:49:37 GMT', 'weekday in upper case'],
  ['Sun, 06 NOV 1994 08:49:37 GMT', 'month in upper case'],
  ['Sun, 6 Nov 1994 08:49:37 GMT', 'one digit'],
  ['Sun, 06 Nov 94 08:49:37 GMT', 'two digits of a year'],
  ['Sun, 06  Nov 1994 08:49:37 GMT', 'two blanks'],
  ['Sun 06 Nov 1994 08:49:37 GMT', 'no comma'],
  ['Sun, 06-Nov-1994 08:49:37 GMT', 'dashes'],
  ['06 Nov 1994 08:49:37 GMT', 'no weekday'],
  ['Sun, 06 Nov 1994 8:49:37 GMT', 'one digit of an hour'],
  ['Sun, 06 Nov 1994 08:49 GMT', 'no seconds'],
  ['Sun, 06 Nov 1994 08.49.37 GMT', 'points'],
  ['Sun, 06 Nov 1994 08:49:37 GMT ', 'a blank behind'],
  [' Sun, 06 Nov 1994 08:49:37 GMT', 'a blank before'],
  ['Sun, 06 Nov 1994 08:49:37 GMT\n', 'a line break'],
  ['Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT', 'two dates'],
  ['Mon, 06 Nov 1994 08:49:37 GMT', 'it was a Sunday'],
  ['Monday, 06-Nov-94 08:49:37 GMT', 'it was a Sunday'],
  ['Mon Nov  6 08:49:37 1994', 'it was a Sunday'],
  ['Thu, 00 Jan 2025 00:00:00 GMT', 'no day 0'],
  ['Mon, 31 Feb 2025 00:00:00 GMT', 'no such day'],
  ['Sat, 29 Feb 2025 00:00:00 GMT', 'no leap year'],
  ['Thu, 29 Feb 1900 00:00:00 GMT', 'no leap year'],
  ['Sun, 06 Nov 1994 24:00:00 GMT', 'no hour 24'],
  ['Sun, 06 Nov 1994 08:60:00 GMT', 'no minute 60'],
  ['Sun, 06 Nov 1994 08:49:60 GMT', 'no leap second'],
  ['Sun, 06 Nov 1994 23:59:61 GMT', 'no second 61'],
  ['Sun, 06-Nov-94 08:49:37 GMT', 'a short weekday with the old grammar'],
  ['Sunday, 06-Nov-1994 08:49:37 GMT', 'four digits with the old grammar'],
  ['Sun Nov 06 08:49:37 1994 GMT', 'a zone with asctime'],
  ['Sun Nov 6 08:49:37 1994', 'one blank with asctime'],
  ['1994-11-06T08:49:37Z', 'another standard'],
  ['Sun, ٠٦ Nov 1994 08:49:37 GMT', 'digits of another script'],
] as const)
  test(`RFC 9110 §5.6.7: '${text}' is no date: ${why}`, () => {
    assert.equal(parseHttpDate(text, now), undefined);
  });

for (const [text, at, year] of [
  ['Saturday, 15-Jun-75 11:59:59 GMT', now, 2075],
  ['Saturday, 15-Jun-75 12:00:00 GMT', now, 2075],
  ['Sunday, 15-Jun-75 12:00:01 GMT', now, 1975],
  ['Tuesday, 15-Jun-76 12:00:00 GMT', now, 1976],
  ['Friday, 31-Dec-99 23:59:59 GMT', now, 1999],
  ['Saturday, 01-Jan-00 00:00:00 GMT', now, 2000],
  ['Friday, 01-Jan-00 00:00:00 GMT', Date.UTC(2060, 0, 1), 2100],
  ['Thursday, 01-Jan-70 00:00:00 GMT', 0, 1970],
] as const)
  test(`RFC 9110 §5.6.7: seen from ${String(new Date(at).getUTCFullYear())}, '${text}' lies in ${year}`, () => {
    assert.equal(new Date(parseHttpDate(text, at) ?? Number.NaN).getUTCFullYear(), year);
  });

for (const [milliseconds, text] of [
  [example, 'Sun, 06 Nov 1994 08:49:37 GMT'],
  [example + 999, 'Sun, 06 Nov 1994 08:49:37 GMT'],
  [0, 'Thu, 01 Jan 1970 00:00:00 GMT'],
  [Number.NaN, 'Thu, 01 Jan 1970 00:00:00 GMT'],
  [Infinity, 'Fri, 31 Dec 9999 23:59:59 GMT'],
  [-Infinity, 'Sat, 01 Jan 0000 00:00:00 GMT'],
] as const)
  test(`formatHttpDate(${milliseconds}) is '${text}'`, () => {
    assert.equal(formatHttpDate(milliseconds), text);
  });

test('fuzz: what is written is read again', () => {
  const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 });
  fc.assert(
    fc.property(seconds, (second) => {
      assert.equal(parseHttpDate(formatHttpDate(second * 1000), now), second * 1000);
    }),
  );
});
