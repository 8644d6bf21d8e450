import type { Request, Response } from 'express';
import { z } from 'zod';
import {
  duration,
  func,
  oneOf,
  quote,
  ratio,
  schemaOf,
  size,
  type Duration,
  type Size,
} from '../core/options.ts';
import type { Transaction } from '../core/transaction.ts';
import type { LineTaker, LogStream } from './destination.ts';
import { fieldNames, type FieldName } from './fields.ts';
import type { FieldMaker, Logger } from './pino-line.ts';
import type { RequestIdOptions } from './request-id.ts';
import type { SecretName } from './secret-names.ts';

/** Makes the line of a request; undefined for none. */
export type LineMaker = (record: Transaction, req: Request, res: Response) => string | undefined;

/** By name: `false` leaves a field out, a function makes one of your own. */
export type FieldChoice = Readonly<Record<string, boolean | FieldMaker>>;

export interface AccessLogOptions {
  /**
   * `'combined'` and `'common'` as Apache and nginx write them, `'json'` as pino does, or a function that makes the line.
   * @default 'combined'
   */
  readonly format?: 'combined' | 'common' | 'json' | LineMaker;
  /** Where to: any Writable, or an object whose `write` takes a line. It is not ended. @default standard output */
  readonly stream?: LogStream | LineTaker;
  /** Where to: a file, which is appended to; missing directories are made. @default none */
  readonly file?: string;
  /** Where to: a pino logger, for `'json'`; it has the last word on format and destination. @default one of our own */
  readonly logger?: Logger;
  /**
   * What is in a line of `'json'`: names of fields, or `{ userAgent: false, tenant: (req) => req.get('x-tenant') }`.
   * @default all that are known of a request
   */
  readonly fields?: readonly FieldName[] | FieldChoice;
  /** Requests that are not logged, asked when they have ended. @default none */
  readonly skip?: (req: Request, res: Response, record: Transaction) => boolean;
  /** The part of requests that is logged; failed ones (5xx, cut short) and slow ones are always. @default 1 */
  readonly sample?: number;
  /** Requests that took longer are always logged, in JSON with `slow: true`. WebSockets and tunnels are never slow. @default none */
  readonly slow?: Duration;
  /**
   * Names whose values are masked in queries and in your own fields, besides the built-in ones (`token`, `key`, `password`,
   * `code`, `state`, `sig` … also as a word of a name). `false` masks nothing but `user:password@`.
   * @default none besides
   */
  readonly redact?: readonly SecretName[] | false;
  /** Characters of lines that may wait for a slow stream; more are dropped and counted. @default '4mb' */
  readonly buffer?: Size;
  /** Where the id of a request comes from, and who is told. */
  readonly requestId?: RequestIdOptions;
}

function flag(preset: boolean): z.ZodDefault<z.ZodType<boolean, boolean>> {
  return oneOf([true, false]).default(preset);
}

export const optionsSchema = schemaOf<AccessLogOptions>()({
  format: z
    .union([oneOf(['combined', 'common', 'json']), func<LineMaker>()], {
      error: ({ input }) =>
        `${quote(input)} is not allowed; use 'combined', 'common', 'json' or a function that makes the line`,
    })
    .default('combined'),
  stream: z
    .custom<LogStream | LineTaker>(canWrite, {
      error: ({ input }) => `${quote(input)} is no stream; pass a Writable such as process.stderr`,
    })
    .optional(),
  file: z
    .custom<string>((value) => typeof value === 'string' && value !== '', {
      error: ({ input }) => `${quote(input)} is no file; use a path such as '/var/log/access.log'`,
    })
    .optional(),
  logger: z
    .custom<Logger>(isLogger, {
      error: ({ input }) => `${quote(input)} is no logger; pass what pino() returns`,
    })
    .optional(),
  fields: z.union([z.array(oneOf(fieldNames)), fieldChoice()]).optional(),
  skip: func<NonNullable<AccessLogOptions['skip']>>().optional(),
  sample: ratio(0, 1).default(1),
  slow: duration().optional(),
  redact: z
    .union([z.literal(false), z.array(z.union([z.string(), z.instanceof(RegExp)]))])
    .default([]),
  buffer: size().default(4 * 1024 * 1024),
  requestId: z
    .strictObject({ accept: flag(true), respond: flag(false), forward: flag(false) })
    .prefault({}),
}).superRefine((options, context) => {
  const named = (['stream', 'file', 'logger'] as const).filter(
    (option) => options[option] !== undefined,
  );
  if (named.length > 1)
    context.addIssue(`${named.join(' and ')} are given; say only one place where the lines go`);
  if (options.format === 'json') return;
  for (const option of ['logger', 'fields'] as const)
    if (options[option] !== undefined)
      context.addIssue(`${option} belongs to format 'json'; add format: 'json' or leave it out`);
});

/** Beside the fields. */
const takenNames: readonly string[] = ['level', 'time', 'slow'];

function fieldChoice(): z.ZodType<FieldChoice, FieldChoice> {
  return z
    .custom<FieldChoice>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      {
        error: ({ input }) =>
          `${quote(input)} is not allowed; use a list of fields, or an object such as { userAgent: false }`,
      },
    )
    .superRefine((choice, context) => {
      for (const [name, chosen] of Object.entries(choice)) {
        if (takenNames.includes(name))
          context.addIssue(`${quote(name)} is what each line has by itself; choose another name`);
        if (typeof chosen === 'function') continue;
        if (typeof chosen !== 'boolean')
          context.addIssue(`${quote(name)} is ${quote(chosen)}; use false, true or a function`);
        else if (!fieldNames.includes(name as FieldName))
          context.addIssue(`${quote(name)} is no field; known are ${fieldNames.join(', ')}`);
      }
    });
}

function canWrite(value: unknown): boolean {
  return typeof (Object(value) as { write?: unknown }).write === 'function';
}

function isLogger(value: unknown): boolean {
  const logger = Object(value) as Record<string, unknown>;
  return ['info', 'warn', 'error'].every((level) => typeof logger[level] === 'function');
}

export type ParsedAccessLogOptions = z.output<typeof optionsSchema>;
