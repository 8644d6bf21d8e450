import type { Request, RequestHandler, Response } from 'express';
import { clock } from '../core/clock.ts';
import { middleware } from '../core/middleware.ts';
import { observe, type Observer } from '../core/observing.ts';
import { seesRefused } from '../core/observing/witness.ts';
import { parseOptions } from '../core/options.ts';
import type { Transaction } from '../core/transaction.ts';
import { warn } from '../core/warn.ts';
import { isStream, openDestination } from './destination.ts';
import { LineByLine } from './line-by-line.ts';
import { linesTo } from './lines.ts';
import { optionsSchema, type AccessLogOptions } from './options.ts';
import { StreamOutput, type LineOutput } from './output.ts';
import { settleId } from './request-id.ts';

export type { LineTaker, LogStream } from './destination.ts';
export type { FieldName } from './fields.ts';
export type { AccessLogOptions, FieldChoice, LineMaker } from './options.ts';
export type { FieldMaker, Logger } from './pino-line.ts';
export type { RequestIdOptions } from './request-id.ts';
export type { SecretName } from './secret-names.ts';

export interface AccessLog extends RequestHandler {
  /** Lines that were lost because the stream was broken, or slower than the requests. */
  readonly dropped: number;
  /** Resolves when everything so far has been written, or the stream is broken. */
  flush(): Promise<void>;
  /**
   * Opens `file` anew, after logrotate or newsyslog has moved it away. Nothing happens where there is no file.
   *
   * @example process.on('SIGHUP', () => log.reopen());
   */
  reopen(): void;
  /** Writes what is there and closes `file`; a stream of yours stays open. Later requests are not logged. */
  close(): Promise<void>;
}

/**
 * Observer: a line for each request, WebSocket and tunnel that reaches it, when that has ended: proxied, cached, refused,
 * answered by the app, cut short. Mount it first.
 *
 * No line can be broken by what clients send: control characters, quotes and bytes beyond ASCII are escaped. Credentials
 * are never logged, and values of query parameters that look like secrets are masked.
 *
 * @param options a format, or options
 * @example app.use(accessLog('combined'));
 * @example app.use(accessLog({ format: 'json', file: '/var/log/gateway.json', slow: '2s' }));
 * @throws {OptionsError} at once, when the options are not what they should be or the file cannot be opened
 */
export function accessLog(
  options: 'combined' | 'common' | 'json' | AccessLogOptions = {},
): AccessLog {
  const given = typeof options === 'string' ? { format: options } : options;
  const parsed = parseOptions('accessLog', optionsSchema, given);
  const { skip, sample, slow = Number.POSITIVE_INFINITY, requestId } = parsed;
  const output = outputOf(parsed);
  const log = linesTo(parsed, output);

  const observer: Observer = {
    looks: looksAtResponse(parsed),
    onEnd(record, req, res) {
      if (skip !== undefined && isSkipped(skip, req, res, record)) return;
      const isSlow = isRequest(record) && (record.total ?? 0) > slow;
      if (sample < 1 && !isSlow && !hasFailed(record) && clock.random() >= sample) return;
      log(record, isSlow, req, res);
    },
  };

  const see = (req: Request, res: Response): void => {
    settleId(req, res, requestId);
    observe(req, res, observer);
  };
  const handler = middleware(
    'observer',
    function accessLog(req, res, next) {
      see(req, res);
      next();
    } satisfies RequestHandler,
    parsed,
  );
  seesRefused(handler, see);
  return Object.defineProperty(
    Object.assign(handler, {
      dropped: 0,
      flush: async () => output?.flush(),
      reopen: () => output?.reopen(),
      close: async () => output?.close(),
    }),
    'dropped',
    { get: () => output?.dropped ?? 0 },
  );
}

type Parsed = ReturnType<typeof parseOptions<typeof optionsSchema>>;

/** A logger of the caller's has its own. */
function outputOf({ stream, file, logger, buffer }: Parsed): LineOutput | undefined {
  if (logger !== undefined) return undefined;
  if (stream !== undefined)
    return isStream(stream) ? new StreamOutput(stream, undefined, buffer) : new LineByLine(stream);
  const own = openDestination(file, buffer);
  return new StreamOutput(own, own, buffer);
}

/** Functions of the caller's that are given the response may ask for its fields, and those that take it do. */
function looksAtResponse({ format, fields }: Parsed): boolean {
  const takesResponse = (made: unknown, at: number): boolean =>
    typeof made === 'function' && made.length >= at;
  return (
    takesResponse(format, 3) || Object.values(fields ?? {}).some((made) => takesResponse(made, 2))
  );
}

/** Where nobody knows, the line is written. */
function isSkipped(
  skip: NonNullable<AccessLogOptions['skip']>,
  req: Request,
  res: Response,
  record: Transaction,
): boolean {
  try {
    return skip(req, res, record);
  } catch (cause) {
    warn('SEKISHO_LOG', 'accessLog: `skip` failed; the request is logged', cause);
    return false;
  }
}

/** A tunnel or WebSocket takes as long as it is wanted. */
function isRequest({ status, method }: Transaction): boolean {
  return status !== 101 && method !== 'CONNECT';
}

function hasFailed({ status, outcome }: Transaction): boolean {
  return status >= 500 || outcome === 'failed' || outcome === 'upstream-aborted';
}
