import type { Transaction } from '../core/transaction.ts';
import { jsonText, jsonValue } from './escape.ts';
import { fieldGroups, fieldOf, type Field, type FieldName } from './fields.ts';
import type { IsSecret } from './secret-names.ts';
import { isoTime, millisText } from './time-text.ts';

/** pino's levels, https://getpino.io/#/docs/api?id=loggerlevels-object. */
const levels = { info: 30, warn: 40, error: 50 } as const;

export type Level = keyof typeof levels;

/** How loud a line is: failures of servers and of the proxy are errors, what was slow is a warning. */
export function levelOf({ status, outcome }: Transaction, slow: boolean): Level {
  if (status >= 500 || outcome === 'failed' || outcome === 'upstream-aborted') return 'error';
  return slow ? 'warn' : 'info';
}

/** A line as pino writes it; made by hand, because pino itself would cost a request twice as much. */
export function jsonLines(
  names: readonly FieldName[],
  isSecret: IsSecret,
): (record: Transaction, slow: boolean) => string {
  const groups = fieldGroups.map((group) => ({
    present: group.present,
    fields: group.names
      .filter((name) => names.includes(name))
      .map((name) => ({ start: `,"${name}":`, ...fieldOf(name) })),
  }));
  return (record, slow) => {
    let line = `{"level":${levels[levelOf(record, slow)]},"time":"${isoTime(record.started)}"`;
    for (const { present, fields } of groups) {
      if (!present(record)) continue;
      for (const field of fields) {
        const value = field.read(record, isSecret);
        if (value !== undefined) line += field.start + jsonOf(field.kind, value);
      }
    }
    return slow ? `${line},"slow":true}` : `${line}}`;
  };
}

function jsonOf(kind: Field['kind'], value: string | number | object): string {
  switch (kind) {
    case 'word':
      return `"${value as string}"`;
    case 'text':
      return jsonText(value as string);
    case 'millis':
      return millisText(value as number);
    case 'count':
      return `${value as number}`;
    case 'value':
      return jsonValue(value);
  }
}
