import type { Request, Response } from 'express';
import { pino } from 'pino';
import type { Transaction } from '../core/transaction.ts';
import { combinedLine, commonLine } from './combined.ts';
import { escapeJson, escapeLine } from './escape.ts';
import { fieldNames, type FieldName } from './fields.ts';
import { jsonLines } from './json-line.ts';
import type { ParsedAccessLogOptions } from './options.ts';
import type { LineOutput } from './output.ts';
import { pinoLines, type FieldMaker } from './pino-line.ts';
import { secretNames } from './secret-names.ts';

export type LogRecord = (record: Transaction, slow: boolean, req: Request, res: Response) => void;

/** Writes the lines of one format to an output. */
export function linesTo(
  options: ParsedAccessLogOptions,
  output: LineOutput | undefined,
): LogRecord {
  const { format, redact, logger } = options;
  const isSecret = redact === false ? () => false : secretNames(redact);
  const write = (line: string): void => {
    writeTo(output, `${line}\n`);
  };
  if (format === 'combined') return (record) => write(combinedLine(record, isSecret));
  if (format === 'common') return (record) => write(commonLine(record, isSecret));
  if (format !== 'json')
    return (record, _slow, req, res) => {
      const line = format(record, req, res);
      if (typeof line === 'string') write(escapeLine(line));
    };
  const { names, makers } = choose(options.fields);
  if (logger === undefined && Object.keys(makers).length === 0) {
    const lineOf = jsonLines(names, isSecret);
    return (record, slow) => {
      const into = output?.begin();
      if (into === undefined) return;
      lineOf(record, slow, into);
      output?.end();
    };
  }
  return pinoLines(logger ?? loggerTo(output), names, makers, isSecret);
}

function choose(chosen: ParsedAccessLogOptions['fields']): {
  names: readonly FieldName[];
  makers: Readonly<Record<string, FieldMaker>>;
} {
  if (chosen === undefined) return { names: fieldNames, makers: {} };
  if (Array.isArray(chosen)) return { names: chosen, makers: {} };
  const choice = chosen as Readonly<Record<string, boolean | FieldMaker>>;
  return {
    names: fieldNames.filter((name) => (choice[name] ?? true) === true),
    makers: Object.fromEntries(
      Object.entries(choice).filter(
        (entry): entry is [string, FieldMaker] => typeof entry[1] === 'function',
      ),
    ),
  };
}

function loggerTo(output: LineOutput | undefined): pino.Logger {
  return pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    {
      write(line: string) {
        writeTo(output, escapeJson(line));
      },
    },
  );
}

function writeTo(output: LineOutput | undefined, line: string): void {
  const into = output?.begin();
  if (into === undefined) return;
  into.string(line);
  output?.end();
}
