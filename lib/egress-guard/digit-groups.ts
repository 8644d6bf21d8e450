/** Digits with nothing between them: a long number is written in one group or in several. */
export class DigitGroup {
  /** Places of bytes. */
  readonly start: number;
  readonly end: number;
  /** Digits. */
  readonly size: number;
  /** What follows behind a space or a dash. */
  next: DigitGroup | undefined;

  constructor(start: number, end: number, size: number) {
    this.start = start;
    this.end = end;
    this.size = size;
  }
}

/**
 * In one group a long number has 12 digits or more, in several it has groups of four to six. Both cover every fourth place, so that the
 * others need no look. One digit may stand in front of a group of four, and three behind.
 */
const step = 4;
const single = 1;
const tail = 3;
/** Bytes of all groups behind the first one, and of the gaps in front of them. */
const reach = 4 * (6 + 1) * 3;

/**
 * The groups with which a long number may begin in a part of a text, in ASCII's digits or those of full width in UTF-8. Decimals
 * are none.
 *
 * @param to what begins in front of it may go on behind it
 */
export function digitGroups(bytes: Buffer, from: number, to: number): DigitGroup[] {
  const groups: DigitGroup[] = [];
  const add = (group: DigitGroup): void => {
    if (group.start >= from && group.start < to) groups.push(group);
  };
  const last = Math.min(bytes.length, to + reach);
  let before: DigitGroup | undefined;
  for (let place = from + step - 1; place < last; place += step) {
    if (mayBeDigit[bytes[place] as number] === 0) continue;
    const digit = digitAround(bytes, place);
    if (digit === undefined) continue;
    const start = startOfGroup(bytes, digit);
    const end = endOfGroup(bytes, digit);
    place = end - 1;
    const size = sizeOf(bytes, start, end);
    if (isUseless(size) || isDecimal(bytes, start, end)) continue;
    const group = new DigitGroup(start, end, size);
    if (size === step) {
      const first = smallBefore(bytes, start);
      if (first !== undefined) {
        first.next = group;
        add(first);
      }
      group.next = smallBehind(bytes, end);
    }
    if (before !== undefined && before.end + gapAt(bytes, before.end) === start)
      before.next = group;
    add(group);
    before = group;
  }
  return groups;
}

/** The digits of a group and of those behind it, as many groups as are wanted, in ASCII. */
export function digitsOf(text: string, first: DigitGroup, count: number): string {
  let digits = '';
  let group: DigitGroup | undefined = first;
  for (let left = count; left > 0 && group !== undefined; left -= 1, group = group.next) {
    const written = text.slice(group.start, group.end);
    digits += written.length === group.size ? written : written.replace(wideDigits, lowHalf);
  }
  return digits;
}

/** The low half of the last byte is the value. */
const wideDigits = /\xef\xbc([\x90-\x99])/g;
const lowHalf = (_: string, last: string): string => String(last.charCodeAt(0) & 0x0f);

function isUseless(size: number): boolean {
  return size < step || (size > 6 && size < 12) || size > 19;
}

const zero = 0x30;
const nine = 0x39;
const point = 0x2e;
/** `０` to `９` are ef bc 90 to ef bc 99. */
const wideLead = 0xef;
const wideSecond = 0xbc;

/** 1 for each byte that is a digit or a part of one. */
const mayBeDigit = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isAscii = byte >= zero && byte <= nine;
  const isWide = byte === wideLead || byte === wideSecond || (byte >= 0x90 && byte <= 0x99);
  return isAscii || isWide ? 1 : 0;
});

function isDigit(bytes: Buffer, at: number): boolean {
  // A place before the beginning would cost a look-up by name.
  if (at < 0) return false;
  const byte = bytes[at] as number;
  return byte >= zero && byte <= nine;
}

function isWideDigit(bytes: Buffer, at: number): boolean {
  if (at < 0 || bytes[at] !== wideLead || bytes[at + 1] !== wideSecond) return false;
  const third = bytes[at + 2] as number;
  return third >= 0x90 && third <= 0x99;
}

/** @returns where the digit begins that this byte belongs to */
function digitAround(bytes: Buffer, at: number): number | undefined {
  if (isDigit(bytes, at)) return at;
  for (let start = at; start > at - 3; start -= 1) if (isWideDigit(bytes, start)) return start;
  return undefined;
}

function startOfGroup(bytes: Buffer, at: number): number {
  let start = at;
  for (;;)
    if (isDigit(bytes, start - 1)) start -= 1;
    else if (isWideDigit(bytes, start - 3)) start -= 3;
    else return start;
}

function endOfGroup(bytes: Buffer, at: number): number {
  let end = at;
  for (;;)
    if (isDigit(bytes, end)) end += 1;
    else if (isWideDigit(bytes, end)) end += 3;
    else return end;
}

function sizeOf(bytes: Buffer, start: number, end: number): number {
  let size = 0;
  for (let place = start; place < end; place += bytes[place] === wideLead ? 3 : 1) size += 1;
  return size;
}

/** Bytes between groups: a space, a dash, a plus; the long ones are the dashes and the space of full width, in UTF-8. */
function gapAt(bytes: Buffer, at: number): number {
  if (at < 0) return 0;
  const third = bytes[at + 2] as number;
  switch (bytes[at]) {
    case 0x20:
    case 0x2b:
    case 0x2d:
      return 1;
    case 0xe2:
      return bytes[at + 1] === 0x80 && third >= 0x90 && third <= 0x95 ? 3 : 0;
    case 0xe3:
      return bytes[at + 1] === 0x80 && third === 0x80 ? 3 : 0;
    case wideLead:
      return bytes[at + 1] === wideSecond && third === 0x8d ? 3 : 0;
    default:
      return 0;
  }
}

/** Whether digits stand before or behind its point. */
function isDecimal(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[end] === point && isDigit(bytes, end + 1)) return true;
  return isDigit(bytes, start - 2) && bytes[start - 1] === point && isDigit(bytes, start);
}

function smallBefore(bytes: Buffer, start: number): DigitGroup | undefined {
  const end = gapAt(bytes, start - 1) === 1 ? start - 1 : start - 3;
  if (gapAt(bytes, end) !== start - end) return undefined;
  // Most are longer.
  if (isDigit(bytes, end - 1) && isDigit(bytes, end - 2)) return undefined;
  return smallGroup(bytes, startOfGroup(bytes, end), single);
}

function smallBehind(bytes: Buffer, end: number): DigitGroup | undefined {
  const gap = gapAt(bytes, end);
  if (gap === 0 || isDigit(bytes, end + gap + tail)) return undefined;
  return smallGroup(bytes, end + gap, tail);
}

function smallGroup(bytes: Buffer, start: number, size: number): DigitGroup | undefined {
  const end = endOfGroup(bytes, start);
  if (sizeOf(bytes, start, end) !== size || isDecimal(bytes, start, end)) return undefined;
  return new DigitGroup(start, end, size);
}
