import { listTokens } from '../../http/fields.ts';
import { lowerName, memoised } from '../../http/memo.ts';
import { AnswerError } from './answer-error.ts';
import { isTokenByte, isValueByte } from './bytes.ts';

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

const maxFields = 1000;
const CR = 13;
const LF = 10;
const SP = 32;
const COLON = 58;

/** Name start, name end, value start, value end of each field; one scan at a time, so one array serves all. */
const marks = new Int32Array(maxFields * 4);

/**
 * Scans field lines up to the empty line, noting where names and values lie.
 *
 * @returns the position behind the empty line and the number of fields, or undefined when bytes are missing
 * @throws {AnswerError} for anything RFC 9112 §5 does not allow; obs-fold and bare CR or LF included
 */
function scanFields(
  bytes: Uint8Array,
  start: number,
  limit: number,
): { end: number; count: number } | undefined {
  let at = start;
  let count = 0;
  for (;;) {
    if (at >= limit) return undefined;
    if (bytes[at] === CR) {
      if (at + 1 >= limit) return undefined;
      if (bytes[at + 1] !== LF) throw new AnswerError('bare CR in the head');
      return { end: at + 2, count };
    }
    const nameStart = at;
    while (at < limit && isTokenByte[bytes[at] as number] === 1) at++;
    if (at >= limit) return undefined;
    if (at === nameStart || bytes[at] !== COLON) throw new AnswerError('malformed field name');
    const nameEnd = at++;
    while (at < limit && (bytes[at] === SP || bytes[at] === 9)) at++;
    const valueStart = at;
    while (at < limit && isValueByte[bytes[at] as number] === 1) at++;
    if (at + 1 >= limit) {
      if (at < limit && bytes[at] !== CR) throw new AnswerError('control byte in a field value');
      return undefined;
    }
    if (bytes[at] !== CR || bytes[at + 1] !== LF)
      throw new AnswerError('control byte in a field value');
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === 9))
      valueEnd--;
    if (count === maxFields) throw new AnswerError('too many fields');
    const mark = count++ * 4;
    marks[mark] = nameStart;
    marks[mark + 1] = nameEnd;
    marks[mark + 2] = valueStart;
    marks[mark + 3] = valueEnd;
    at += 2;
  }
}

/** Cuts the scanned fields out of the text they were scanned from; `base` is the text's first byte. */
function cutFields(text: string, base: number, count: number): string[] {
  const fields = new Array<string>(count * 2);
  for (let index = 0; index < count; index++) {
    const mark = index * 4;
    fields[index * 2] = text.slice(at(mark) - base, at(mark + 1) - base);
    fields[index * 2 + 1] = text.slice(at(mark + 2) - base, at(mark + 3) - base);
  }
  return fields;
}

function at(mark: number): number {
  return marks[mark] as number;
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
  const text = bytes.toString('latin1', start, scan.end);
  const fields = cutFields(text, start, scan.count);
  const message = text.slice(line.messageStart - start, line.end - 2 - start);
  return {
    head: interpret(method, line.minor, line.status, message, fields),
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
  const fields = cutFields(bytes.toString('latin1', start, scan.end), start, scan.count);
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
