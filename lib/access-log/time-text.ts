import type { LineBytes } from './line-bytes.ts';

/** `2026-01-31T12:00:00.123Z` (RFC 3339) between two texts, made second by second, for lines come by the thousand. */
export class IsoTime {
  readonly #before: string;
  readonly #after: Buffer;
  #second = Number.NaN;
  #start: Buffer = Buffer.alloc(0);

  constructor(before: string, after: string) {
    this.#before = before;
    this.#after = Buffer.from(`Z${after}`);
  }

  write(milliseconds: number, into: LineBytes): void {
    const second = Math.floor(milliseconds / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#start = Buffer.from(this.#before + new Date(second * 1000).toISOString().slice(0, -4));
    }
    into.bytes(this.#start);
    into.thousandths(Math.floor(milliseconds - second * 1000));
    into.bytes(this.#after);
  }
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
