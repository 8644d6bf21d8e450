import { memoised } from '../core/http/memo.ts';
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

/** A line as pino writes it, with its end; made by hand, because pino itself would cost a request twice as much. */
export function jsonLines(
  names: readonly FieldName[],
  isSecret: IsSecret,
): (record: Transaction, slow: boolean) => string {
  const groups = fieldGroups.map((group) => ({
    present: group.present,
    members: group.names.filter((name) => names.includes(name)).map(memberOf),
  }));
  return (record, slow) => {
    let line = `{"level":${levels[levelOf(record, slow)]},"time":"${isoTime(record.started)}"`;
    for (const { present, members } of groups) {
      if (!present(record)) continue;
      for (const { read, show } of members) {
        const value = read(record, isSecret);
        if (value !== undefined) line += show(value as never);
      }
    }
    return line + (slow ? ',"slow":true}\n' : '}\n');
  };
}

interface Member {
  readonly read: Field['read'];
  /** `,"name":value` */
  readonly show: (value: never) => string;
}

function memberOf(name: FieldName): Member {
  const { kind, read } = fieldOf(name);
  const start = `,"${name}":`;
  switch (kind) {
    case 'text':
      // A text put together of parts is copied part by part with each line; one from a buffer is whole.
      return { read, show: memoised((text) => Buffer.from(start + jsonText(text)).toString()) };
    case 'free':
      return { read, show: (text: string) => start + jsonText(text) };
    case 'millis':
      return { read, show: (milliseconds: number) => start + millisText(milliseconds) };
    case 'count':
      return { read, show: (count: number) => start + String(count) };
    case 'value':
      return { read, show: (value: object) => start + jsonValue(value) };
  }
}
