import { clock } from '../core/clock.ts';
import { ageField } from '../core/http/age.ts';
import { substitute } from '../core/local-exchange.ts';
import { textOf } from './body.ts';
import type { Entry } from './entry.ts';
import { answerNatively } from './native-answer.ts';
import { present } from './presentation.ts';
import { Reader } from './reader.ts';
import { Tape } from './tape.ts';
import type { Visit } from './visit.ts';

/** As large as an answer may be to go out as one text with its head: what is larger is not copied. */
const oneText = 15 * 1024;

/** As large as it may be to go out at once, whatever the pace of the client: the memory is the store's. */
const oneWrite = 256 * 1024;

/** Answers a request with what is stored. */
export function giveEntry(visit: Visit, entry: Entry, member: string | undefined): void {
  answerNatively(visit, entry, (handler) => {
    const reader = new Reader(handler, visit);
    handler.onRequestStart?.(reader, null);
    playEntry(visit, reader, entry, member);
  });
}

/** The same for a client that was waiting for another answer. */
export function giveInstead(
  visit: Visit,
  reader: Reader,
  entry: Entry,
  member: string | undefined,
): void {
  // The forward proxy may have refused the request by now: this is an answer of the site all the same.
  visit.context.claim();
  substitute(visit.req, entry.removed);
  playEntry(visit, reader, entry, member);
}

/** Gives a stored answer to whoever reads it. */
function playEntry(visit: Visit, reader: Reader, entry: Entry, member: string | undefined): void {
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
  if (trailers.length === 0 && body.length <= oneWrite && goesWhole(reader, entry, fields)) return;
  const tape = new Tape(body);
  tape.trailers = trailers;
  const shown = present(visit, { status, message, fields, size: body.length }, now);
  reader.read(tape, shown);
}

function goesWhole(
  reader: Reader,
  { status, message, body }: Entry,
  fields: readonly string[],
): boolean {
  const { handler } = reader;
  const small = typeof body === 'string' || body.length <= oneText;
  if (!small && handler.onDirectBuffer !== undefined) {
    reader.over = true;
    handler.onDirectBuffer(reader, status, fields, message, body);
    return true;
  }
  if (!small || handler.onDirectWhole === undefined) return false;
  reader.over = true;
  handler.onDirectWhole(reader, status, fields, message, textOf(body));
  return true;
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
