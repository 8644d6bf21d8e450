import { clock } from '../core/clock.ts';
import type { DirectHandler } from '../core/exchange/contract.ts';
import { ageField } from '../core/http/age.ts';
import type { Entry } from './entry.ts';
import { answerNatively } from './native-answer.ts';
import { present } from './presentation.ts';
import { Reader } from './reader.ts';
import { Tape } from './tape.ts';
import type { Visit } from './visit.ts';

/** As large as an answer may be to go out in one piece with its head. */
const oneWrite = 15 * 1024;

/** Answers a request with what is stored. */
export function giveEntry(visit: Visit, entry: Entry, member: string | undefined): void {
  answerNatively(visit.req, visit.res, visit.next, (handler) => {
    const reader = new Reader(handler, visit);
    handler.onRequestStart?.(reader, null);
    playEntry(visit, reader, entry, member);
  });
}

/** Gives a stored answer to a client that was waiting for one. */
export function playEntry(
  visit: Visit,
  reader: Reader,
  entry: Entry,
  member: string | undefined,
): void {
  if (reader.over) return;
  const now = clock.now();
  const { status, message, body, trailers } = entry;
  const fields = fieldsNow(entry, now);
  if (visit.special || visit.method === 'HEAD') {
    const shown = present(visit, { status, message, fields, size: body.length }, now);
    if (member !== undefined) shown.fields.push('Cache-Status', member);
    reader.read(new Tape(body), shown);
    return;
  }
  if (member !== undefined) fields.push('Cache-Status', member);
  if (goesWhole(reader.handler) && body.length <= oneWrite && trailers.length === 0) {
    reader.over = true;
    reader.handler.onDirectWhole(reader, status, fields, message, body.toString('latin1'));
    return;
  }
  const tape = new Tape(body);
  tape.trailers = trailers;
  const shown = present(visit, { status, message, fields, size: body.length }, now);
  reader.read(tape, shown);
}

function goesWhole(
  handler: DirectHandler,
): handler is DirectHandler & Required<Pick<DirectHandler, 'onDirectWhole'>> {
  return handler.onDirectWhole !== undefined;
}

/** The fields of a stored answer with its age as it is now. */
function fieldsNow({ fields, validity }: Entry, now: number): string[] {
  const own: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    if (name.length === 3 && name.toLowerCase() === 'age') continue;
    own.push(name, fields[index + 1] as string);
  }
  own.push('Age', String(ageField(validity, now)));
  return own;
}
