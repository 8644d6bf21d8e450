/** Second by second, for lines come by the thousand. */
let isoSecond = Number.NaN;
let isoText = '';

/** `2026-01-31T12:00:00.123Z` (RFC 3339). */
export function isoTime(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  if (second !== isoSecond) {
    isoSecond = second;
    isoText = new Date(second * 1000).toISOString().slice(0, -4);
  }
  return `${isoText}${thousandths[Math.floor(milliseconds - second * 1000)] as string}Z`;
}

let clfSecond = Number.NaN;
let clfText = '';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `31/Jan/2026:13:00:00 +0100`: the Common Log Format has local time. */
export function clfTime(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  if (second === clfSecond) return clfText;
  const time = new Date(second * 1000);
  const offset = -time.getTimezoneOffset();
  const zone = Math.abs(offset);
  const day = `${two(time.getDate())}/${months[time.getMonth()] as string}/${time.getFullYear()}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  clfSecond = second;
  clfText = `${day}:${clock} ${offset < 0 ? '-' : '+'}${two(Math.floor(zone / 60))}${two(zone % 60)}`;
  return clfText;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

const thousandths: readonly string[] = Array.from({ length: 1000 }, (_, at) =>
  String(at).padStart(3, '0'),
);

/** Milliseconds to the microsecond, as a JSON number: cheaper than the shortest text of a double. */
export function millisText(milliseconds: number): string {
  const micros = Math.round(milliseconds * 1000);
  const whole = Math.floor(micros / 1000);
  return `${whole}.${thousandths[micros - whole * 1000] as string}`;
}
