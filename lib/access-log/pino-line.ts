import type { Request, Response } from 'express';
import type { Transaction } from '../core/transaction.ts';
import { warn } from '../core/warn.ts';
import { fieldOf, type FieldName } from './fields.ts';
import { levelOf, type Level } from './json-line.ts';
import { maskValue } from './mask.ts';
import type { IsSecret } from './secret-names.ts';

/** As much of a pino logger as is used; one of yours has your levels, serializers, transports and `redact`. */
export type Logger = Readonly<Record<Level, (entry: object) => void>>;

/** What a field of your own is. */
export type FieldMaker = (req: Request, res: Response) => unknown;

/** Logs records with a pino logger: what has fields of the caller's making is pino's to serialize. */
export function pinoLines(
  logger: Logger,
  names: readonly FieldName[],
  makers: Readonly<Record<string, FieldMaker>>,
  isSecret: IsSecret,
): (record: Transaction, slow: boolean, req: Request, res: Response) => void {
  const fields = names.map((name) => [name, fieldOf(name)] as const);
  return (record, slow, req, res) => {
    const entry: Record<string, unknown> = {};
    for (const [name, field] of fields) {
      const value = field.read(record, isSecret);
      if (value !== undefined)
        entry[name] = field.kind === 'millis' ? Math.round((value as number) * 1000) / 1000 : value;
    }
    for (const [name, make] of Object.entries(makers))
      try {
        entry[name] = maskValue(make(req, res), isSecret);
      } catch (cause) {
        warn('SEKISHO_LOG', `accessLog: the function of the field '${name}' failed`, cause);
      }
    if (slow) entry.slow = true;
    logger[levelOf(record, slow)](entry);
  };
}
