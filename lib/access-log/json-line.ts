import { memoised } from '../core/http/memo.ts';
import type { Transaction } from '../core/transaction.ts';
import { jsonText, jsonValue } from './escape.ts';
import { fieldGroups, fieldOf, type Field, type FieldName } from './fields.ts';
import type { LineBytes } from './line-bytes.ts';
import type { IsSecret } from './secret-names.ts';
import { IsoTime } from './time-text.ts';

/** pino's levels, https://getpino.io/#/docs/api?id=loggerlevels-object. */
const levels = { info: 30, warn: 40, error: 50 } as const;

export type Level = keyof typeof levels;

/** How loud a line is: failures of servers and of the proxy are errors, what was slow is a warning. */
export function levelOf({ status, outcome }: Transaction, slow: boolean): Level {
  if (status >= 500 || outcome === 'failed' || outcome === 'upstream-aborted') return 'error';
  return slow ? 'warn' : 'info';
}

/** A line as pino writes it, with its end; made by hand, because pino itself would cost a request three times as much. */
export function jsonLines(
  names: readonly FieldName[],
  isSecret: IsSecret,
): (record: Transaction, slow: boolean, into: LineBytes) => void {
  const groups = fieldGroups.map((group) => ({
    present: group.present,
    members: group.names.filter((name) => names.includes(name)).map(memberOf),
  }));
  const starts: Readonly<Record<Level, IsoTime>> = {
    info: startOf('info'),
    warn: startOf('warn'),
    error: startOf('error'),
  };
  return (record, slow, into) => {
    starts[levelOf(record, slow)].write(record.started, into);
    for (const { present, members } of groups) {
      if (!present(record)) continue;
      for (const { read, write } of members) {
        const value = read(record, isSecret);
        if (value !== undefined) write(value as never, into);
      }
    }
    into.bytes(slow ? slowEnd : end);
  };
}

const end = Buffer.from('}\n');
const slowEnd = Buffer.from(',"slow":true}\n');

function startOf(level: Level): IsoTime {
  return new IsoTime(`{"level":${levels[level]},"time":"`, '"');
}

interface Member {
  readonly read: Field['read'];
  /** `,"name":value` */
  readonly write: (value: never, into: LineBytes) => void;
}

function memberOf(name: FieldName): Member {
  const { kind, read } = fieldOf(name);
  const start = Buffer.from(`,"${name}":`);
  switch (kind) {
    case 'text': {
      const pieceOf = memoised((text) => Buffer.from(`,"${name}":${jsonText(text)}`));
      let last = '';
      let piece = pieceOf(last);
      return {
        read,
        write(text: string, into) {
          // Most often it is the one of the line before, which costs less to see than to look up.
          if (text !== last) {
            last = text;
            piece = pieceOf(text);
          }
          into.bytes(piece);
        },
      };
    }
    case 'free':
      return {
        read,
        write(text: string, into) {
          into.bytes(start);
          into.jsonString(text);
        },
      };
    case 'millis': {
      const pieceOf = smallNumbers((whole) => `,"${name}":${whole}.`);
      return {
        read,
        write(milliseconds: number, into) {
          // To the microsecond: cheaper than the shortest text of a double.
          const micros = Math.round(milliseconds * 1000);
          const whole = Math.floor(micros / 1000);
          into.bytes(pieceOf(whole));
          into.thousandths(micros - whole * 1000);
        },
      };
    }
    case 'count': {
      const pieceOf = smallNumbers((count) => `,"${name}":${count}`);
      return {
        read,
        write(count: number, into) {
          into.bytes(pieceOf(count));
        },
      };
    }
    case 'value':
      return {
        read,
        write(value: object, into) {
          into.bytes(start);
          into.string(jsonValue(value));
        },
      };
  }
}

/** Numbers that come most often have their bytes made once. */
const small = 600;

function smallNumbers(textOf: (number: number) => string): (number: number) => Buffer {
  const made: (Buffer | undefined)[] = Array.from({ length: small });
  return (number) => {
    if (number >= small) return Buffer.from(textOf(number));
    return (made[number] ??= Buffer.from(textOf(number)));
  };
}
