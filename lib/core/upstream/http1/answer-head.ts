import { STATUS_CODES } from 'node:http';
import { listTokens } from '../../http/fields.ts';
import { lowerName, memoised } from '../../http/memo.ts';
import { AnswerError } from './answer-error.ts';
import { CR, isValueByte, LF, SP } from './bytes.ts';
import { cutFields, scanFields } from './field-scan.ts';

/** How the body of an answer is delimited (RFC 9112 §6.3). */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** The parsed head of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly message: string;
  /** Names and values in turn, in the order and spelling of the server; latin1. */
  readonly fields: string[];
  readonly framing: Framing;
  /** Bytes of the body when `framing` is `length`. */
  readonly length: number;
  /** The server keeps the connection open after this answer. */
  readonly keepAlive: boolean;
  /** The server's own idle limit in milliseconds (`Keep-Alive: timeout=…`), if it told one. */
  readonly keepAliveHint: number | undefined;
}

/**
 * Reads one whole head (status line, fields, empty line).
 *
 * @returns the head and where it ends, or undefined when bytes are missing
 * @throws {AnswerError} when the server breaks RFC 9112
 */
export function readHead(
  bytes: Buffer,
  start: number,
  limit: number,
  method: string,
): { head: AnswerHead; end: number } | undefined {
  const line = readStatusLine(bytes, start, limit);
  if (line === undefined) return undefined;
  const scan = scanFields(bytes, line.end, limit);
  if (scan === undefined) return undefined;
  const { minor, status, messageStart } = line;
  const message = messageOf(bytes, status, messageStart, line.end - 2);
  return {
    head: interpret(method, minor, status, message, cutFields(bytes, start, scan)),
    end: scan.end,
  };
}

/** Reads a trailer section (RFC 9112 §7.1.2), which ends with an empty line as a head does. */
export function readTrailers(
  bytes: Buffer,
  start: number,
  limit: number,
): { fields: string[]; end: number } | undefined {
  const scan = scanFields(bytes, start, limit);
  if (scan === undefined) return undefined;
  if (scan.count === 0) return { fields: [], end: scan.end };
  const fields = cutFields(bytes, start, scan);
  for (let index = 0; index < fields.length; index += 2)
    if (framingName.test(fields[index] as string))
      throw new AnswerError('the framing of the message in its trailers');
  return { fields, end: scan.end };
}

/** Must not be in trailers (RFC 9110 §6.5.1); whoever merged them would read another message. */
const framingName = /^(?:content-length|transfer-encoding)$/i;

const startOfLine = Buffer.from('HTTP/1.', 'latin1');

function readStatusLine(
  bytes: Buffer,
  start: number,
  limit: number,
): { minor: number; status: number; messageStart: number; end: number } | undefined {
  const known = Math.min(limit - start, startOfLine.length);
  for (let index = 0; index < known; index++)
    if (bytes[start + index] !== startOfLine[index])
      throw new AnswerError('not an HTTP/1.x answer');
  // "HTTP/1.1 200" and one byte more, to see whether the line ends there or goes on.
  if (limit - start < 14) return undefined;
  const minor = (bytes[start + 7] as number) - 48;
  if (minor !== 0 && minor !== 1) throw new AnswerError('unknown HTTP version');
  if (bytes[start + 8] !== SP) throw new AnswerError('malformed status line');
  let status = 0;
  for (let index = start + 9; index < start + 12; index++) {
    const digit = (bytes[index] as number) - 48;
    if (digit < 0 || digit > 9) throw new AnswerError('malformed status code');
    status = status * 10 + digit;
  }
  if (status < 100 || status > 599) throw new AnswerError(`status ${status} out of range`);
  let end = start + 12;
  // Servers that have no reason to give leave out the space as well; Node reads that, too.
  if (bytes[end] === SP) end++;
  else if (bytes[end] !== CR) throw new AnswerError('malformed status code');
  const messageStart = end;
  while (end < limit && isValueByte[bytes[end] as number] === 1) end++;
  if (end + 1 >= limit) {
    if (end < limit && bytes[end] !== CR) throw new AnswerError('control byte in the status line');
    return undefined;
  }
  if (bytes[end] !== CR || bytes[end + 1] !== LF)
    throw new AnswerError('control byte in the status line');
  return { minor, status, messageStart, end: end + 2 };
}

/** Most often the one of the standard. */
function messageOf(bytes: Buffer, status: number, start: number, end: number): string {
  const usual = STATUS_CODES[status];
  if (usual?.length !== end - start) return bytes.toString('latin1', start, end);
  for (let index = 0; index < usual.length; index++)
    if (bytes[start + index] !== usual.charCodeAt(index))
      return bytes.toString('latin1', start, end);
  return usual;
}

const digits = /^\d{1,15}$/;
const keepAliveTimeout = /(?:^|[,\s;])timeout\s*=\s*(\d{1,6})(?:$|[,\s;])/i;

function interpret(
  method: string,
  minor: number,
  status: number,
  message: string,
  fields: string[],
): AnswerHead {
  let length = -1;
  let chunked = false;
  let close = minor === 0;
  let keepAliveHint: number | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    switch (name.length) {
      case 10:
        if (sameName(name, 'connection')) {
          const tokens = connectionTokens(value);
          if (tokens.includes('close')) close = true;
          else if (minor === 0 && tokens.includes('keep-alive')) close = false;
        } else if (sameName(name, 'keep-alive')) {
          const seconds = keepAliveTimeout.exec(value)?.[1];
          if (seconds !== undefined) keepAliveHint = Number(seconds) * 1000;
        }
        break;
      case 14:
        if (!sameName(name, 'content-length')) break;
        if (length !== -1) throw new AnswerError('several Content-Length fields');
        if (!digits.test(value)) throw new AnswerError('malformed Content-Length');
        length = Number(value);
        break;
      case 17:
        if (!sameName(name, 'transfer-encoding')) break;
        // Only what cannot be read in two ways: one field, one coding, on HTTP/1.1 (RFC 9112 §6.1).
        if (chunked || minor === 0 || value.toLowerCase() !== 'chunked')
          throw new AnswerError('unusable Transfer-Encoding');
        chunked = true;
        break;
    }
  }
  if (chunked && length !== -1) throw new AnswerError('both Content-Length and Transfer-Encoding');
  const framing =
    method === 'HEAD' || status < 200 || status === 204 || status === 304
      ? 'none'
      : chunked
        ? 'chunked'
        : length === 0
          ? 'none'
          : length > 0
            ? 'length'
            : 'close';
  return {
    status,
    message,
    fields,
    framing,
    length: framing === 'length' ? length : 0,
    // A 204 that announces a body may be followed by one, which would pass for the next answer.
    keepAlive: !close && framing !== 'close' && !(status === 204 && (chunked || length > 0)),
    keepAliveHint,
  };
}

function sameName(name: string, lower: string): boolean {
  return lowerName(name) === lower;
}

const connectionTokens: (value: string) => readonly string[] = memoised(listTokens);
