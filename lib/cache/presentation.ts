import { judgeConditions, type ConditionalRequest } from '../core/http/conditional.ts';
import { fieldsWhere, hasField } from '../core/http/field-lines.ts';
import type { Fields } from '../core/http/fields.ts';
import { notModifiedFields } from '../core/http/not-modified.ts';
import { partialFields, rangeOf, unsatisfiableFields } from '../core/http/ranges.ts';

/** An answer that is there, or about to come, in full. */
export interface WholeAnswer {
  readonly status: number;
  readonly message: string;
  readonly fields: Fields;
  /** Length of its body; undefined while nobody knows. */
  readonly size: number | undefined;
  /** Only its end will tell whether it is one. */
  readonly provisional?: boolean;
}

/** What one client gets of it: head, and which bytes of the body. */
export interface Presentation {
  readonly status: number;
  readonly message: string;
  readonly fields: string[];
  readonly first: number;
  /** Undefined for none of it. */
  readonly last: number | undefined;
}

/** What a request gets of an answer: all of it, its head, a 304, a range, or 416. */
export function present(
  request: ConditionalRequest,
  answer: WholeAnswer,
  now: number,
): Presentation {
  const { status, message, fields, size, provisional } = answer;
  if (judgeConditions(request, answer, now) === 'not-modified')
    return bodyless(304, 'Not Modified', notModifiedFields(fields));
  // Whether byte `last` will come is not known before it has, nor whether the part may go before the rest has come: then
  // all of it is right, too.
  const range =
    size === undefined || provisional === true ? undefined : rangeOf(request, answer, size, now);
  if (range?.kind === 'one')
    return {
      status: 206,
      message: 'Partial Content',
      fields: partialFields(fields, range.first, range.last, size),
      first: range.first,
      last: range.last,
    };
  if (range?.kind === 'unsatisfiable')
    return bodyless(416, 'Range Not Satisfiable', [
      ...fieldsWhere(fields, (name) => keptIn416.has(name)),
      ...unsatisfiableFields(size ?? 0),
      'Content-Length',
      '0',
    ]);
  const own = [...fields];
  if (request.method === 'HEAD') return bodyless(status, message, withLength(own, status, size));
  return { status, message, fields: withLength(own, status, size), first: 0, last: Infinity };
}

const keptIn416: ReadonlySet<string> = new Set(['date', 'etag', 'last-modified', 'vary']);

function bodyless(status: number, message: string, fields: string[]): Presentation {
  return { status, message, fields, first: 0, last: undefined };
}

/** What came in chunks has a length once all of it is there; but with one there would be no place for trailers. */
function withLength(fields: string[], status: number, size: number | undefined): string[] {
  if (size === undefined || status === 204 || status === 304) return fields;
  if (hasField(fields, 'content-length') || hasField(fields, 'trailer')) return fields;
  fields.push('Content-Length', String(size));
  return fields;
}
