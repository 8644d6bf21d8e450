import { remembering } from './memo.ts';

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const longDayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
// prettier-ignore
const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const day = dayNames.join('|');
const month = monthNames.join('|');
const time = '(\\d{2}):(\\d{2}):(\\d{2})';
const imfFixdate = new RegExp(`^(${day}), (\\d{2}) (${month}) (\\d{4}) ${time} GMT$`);
const rfc850 = new RegExp(
  `^(${longDayNames.join('|')}), (\\d{2})-(${month})-(\\d{2}) ${time} GMT$`,
);
const asctime = new RegExp(`^(${day}) (${month}) (\\d{2}| \\d) ${time} (\\d{4})$`);

const earliest = Date.UTC(400, 0, 1) - 146_097 * 86_400_000;
const latest = Date.UTC(9999, 11, 31, 23, 59, 59);

/**
 * Reads an HTTP-date in one of the three grammars of RFC 9110 §5.6.7, to the letter: names are case-sensitive, every
 * blank counts. The 31st of February is no date, nor is a Monday that was a Saturday.
 *
 * @param now wall-clock milliseconds: a two-digit year is at most 50 years ahead of it
 * @returns wall-clock milliseconds, or undefined for what is no date
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  const fixed = parseFixdate(text);
  if (fixed !== undefined) return fixed;
  const old = rfc850.exec(text);
  if (old !== null) {
    const [, weekday = '', date, name = '', year, ...clock] = old;
    const index = longDayNames.indexOf(weekday);
    return recentMoment(Number(year), name, Number(date), clock, index, now);
  }
  const ansi = asctime.exec(text);
  if (ansi === null) return undefined;
  const [, weekday = '', name = '', date, hour = '', minute = '', second = '', year] = ansi;
  const clock = [hour, minute, second];
  return moment(Number(year), name, Number(date), clock, dayNames.indexOf(weekday));
}

/** All answers of a second have the same one. */
const parseFixdate = remembering((text): number | undefined => {
  const fixed = imfFixdate.exec(text);
  if (fixed === null) return undefined;
  const [, weekday = '', date, name = '', year, ...clock] = fixed;
  return moment(Number(year), name, Number(date), clock, dayNames.indexOf(weekday));
});

/** An IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT`; what lies outside the years 0 to 9999 is drawn to their ends. */
export function formatHttpDate(milliseconds: number): string {
  const within = Math.min(Math.max(milliseconds, earliest), latest);
  return new Date(Number.isNaN(within) ? 0 : within).toUTCString();
}

function moment(
  year: number,
  monthName: string,
  date: number,
  clock: readonly string[],
  weekday: number | undefined,
): number | undefined {
  const [hour = 0, minute = 0, second = 0] = clock.map(Number);
  const leapSecond = hour === 23 && minute === 59 && second === 60;
  if (hour > 23 || minute > 59 || (second > 59 && !leapSecond)) return undefined;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, monthNames.indexOf(monthName), date);
  if (midnight.getUTCDate() !== date) return undefined;
  if (weekday !== undefined && midnight.getUTCDay() !== weekday) return undefined;
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** The year with these last two digits that is latest, yet not more than 50 years ahead (RFC 9110 §5.6.7). */
function recentMoment(
  digits: number,
  monthName: string,
  date: number,
  clock: readonly string[],
  weekday: number,
  now: number,
): number | undefined {
  const limit = new Date(now);
  const lastYear = limit.getUTCFullYear() + 50;
  limit.setUTCFullYear(lastYear);
  const year = lastYear - ((((lastYear - digits) % 100) + 100) % 100);
  const found = moment(year, monthName, date, clock, undefined);
  const ahead = found !== undefined && found > limit.getTime();
  return moment(ahead ? year - 100 : year, monthName, date, clock, weekday);
}
