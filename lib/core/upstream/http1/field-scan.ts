import { AnswerError } from './answer-error.ts';
import { COLON, CR, isTokenByte, isValueByte, LF, SP, TAB } from './bytes.ts';
import { KnownLines } from './known-lines.ts';

const maxFields = 1000;

/** Where the field lines of a head end, and how many there are. */
export interface FieldScan {
  readonly end: number;
  readonly count: number;
}

/** Name start, name end, value start, value end of each field; one scan at a time, so one array serves all. */
const marks = new Int32Array(maxFields * 4);
/** Where the line is known; negative where not even its name is. */
const places = new Int16Array(maxFields);
/** 1 where its value is known, too. */
const wholes = new Uint8Array(maxFields);
const known = new KnownLines();

/**
 * Scans field lines up to the empty line, noting where names and values lie.
 *
 * @returns undefined when bytes are missing
 * @throws {AnswerError} for anything RFC 9112 §5 does not allow; obs-fold and bare CR or LF included
 */
export function scanFields(bytes: Buffer, start: number, limit: number): FieldScan | undefined {
  let at = start;
  let count = 0;
  for (;;) {
    if (at >= limit) return undefined;
    if (bytes[at] === CR) {
      if (at + 1 >= limit) return undefined;
      if (bytes[at + 1] !== LF) throw new AnswerError('bare CR in the head');
      return { end: at + 2, count };
    }
    if (count === maxFields) throw new AnswerError('too many fields');
    const place = known.placeOf(count, bytes, at);
    const same = place < 0 ? 0 : known.sameBytes(place, bytes, at, limit);
    places[count] = place;
    if (place >= 0 && known.isWhole(place, same)) {
      wholes[count++] = 1;
      at += same;
      continue;
    }
    const nameStart = at;
    if (place >= 0) at += known.nameWithin(place, same);
    while (at < limit && isTokenByte[bytes[at] as number] === 1) at++;
    if (at >= limit) return undefined;
    if (at === nameStart || bytes[at] !== COLON) throw new AnswerError('malformed field name');
    const nameEnd = at++;
    while (at < limit && (bytes[at] === SP || bytes[at] === TAB)) at++;
    const valueStart = at;
    while (at < limit && isValueByte[bytes[at] as number] === 1) at++;
    if (at + 1 >= limit) {
      if (at < limit && bytes[at] !== CR) throw new AnswerError('control byte in a field value');
      return undefined;
    }
    if (bytes[at] !== CR || bytes[at + 1] !== LF)
      throw new AnswerError('control byte in a field value');
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === TAB))
      valueEnd--;
    at += 2;
    const mark = count * 4;
    marks[mark] = nameStart;
    marks[mark + 1] = nameEnd;
    marks[mark + 2] = valueStart;
    marks[mark + 3] = valueEnd;
    const learnt =
      place >= 0 && known.learn(place, bytes, nameStart, nameEnd, valueStart, valueEnd, at, same);
    if (!learnt) places[count] = -1;
    wholes[count++] = 0;
  }
}

/** Cuts the fields out that have just been scanned: names and values in turn. */
export function cutFields(bytes: Buffer, start: number, { end, count }: FieldScan): string[] {
  const fields = new Array<string>(count * 2);
  let text: string | undefined;
  for (let index = 0; index < count; index++) {
    const place = places[index] as number;
    const mark = index * 4;
    if (place >= 0) fields[index * 2] = known.name(place);
    else {
      text ??= bytes.toString('latin1', start, end);
      fields[index * 2] = text.slice(at(mark) - start, at(mark + 1) - start);
    }
    if (wholes[index] === 1) fields[index * 2 + 1] = known.value(place);
    else {
      text ??= bytes.toString('latin1', start, end);
      fields[index * 2 + 1] = text.slice(at(mark + 2) - start, at(mark + 3) - start);
    }
  }
  return fields;
}

function at(mark: number): number {
  return marks[mark] as number;
}
