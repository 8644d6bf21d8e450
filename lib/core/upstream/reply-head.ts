import type { Request, Response } from 'express';
import { ServerResponse, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import { clock } from '../clock.ts';
import type { Context } from '../context.ts';
import { answerFields, type AnswerFields } from '../http/answer-fields.ts';
import { lowerName } from '../http/memo.ts';
import { atEndOfTurn } from './turn.ts';

/** The head of an answer as it is about to go to the client; hooks and options work on it. */
export interface AnswerDraft {
  status: number;
  message: string;
  fields: string[];
}

/** What is left to write once the status is on the response. */
export interface AnswerHeadDraft extends AnswerFields {
  /** Names the app has set on the response, as it wrote them. */
  readonly named: readonly string[];
  /** The same in lower case. */
  readonly own: readonly string[];
}

/** Values of these fields are added to what the app has set; of all others the app's own win. */
const addedUp: ReadonlySet<string> = new Set(['set-cookie', 'vary', 'link', 'server-timing']);

/**
 * Makes the head for the client from that of the server and sets its status on the response.
 *
 * @throws whatever `adjust` throws
 */
export function draftHead(
  res: Response,
  { stripped }: Context,
  from: { readonly status: number; readonly message: string; readonly fields: readonly string[] },
  {
    via,
    adjust,
  }: {
    readonly via: string | undefined;
    readonly adjust: ((draft: AnswerDraft) => void) | undefined;
  },
): AnswerHeadDraft {
  const named = rawNames(res);
  const own = named.map(lowerName);
  const has =
    stripped === undefined && own.length === 0
      ? undefined
      : (lower: string): boolean =>
          stripped?.has(lower) === true || (own.includes(lower) && !addedUp.has(lower));
  const answer = answerFields(from.fields, has, via);
  if (adjust === undefined) {
    res.statusCode = from.status;
    res.statusMessage = from.message;
    return { ...answer, own, named };
  }
  const draft: AnswerDraft = { status: from.status, message: from.message, fields: answer.fields };
  adjust(draft);
  res.statusCode = draft.status;
  res.statusMessage =
    draft.status === from.status
      ? from.message
      : (STATUS_CODES[draft.status] ?? String(draft.status));
  return { ...answer, own, named, fields: draft.fields };
}

/** Takes from the response what the answer itself has. */
export function removeOverridden(res: Response, fields: readonly string[]): void {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    if (res.hasHeader(name) && !addedUp.has(lowerName(name))) res.removeHeader(name);
  }
}

export function removeNamed(res: Response, names: readonly string[]): void {
  for (const name of names) res.removeHeader(name);
}

/** Writes a head by Node's public methods, so that whoever has put themselves in the way sees everything. */
export function writeHead(req: Request, res: Response, head: AnswerHeadDraft): void {
  const { fields, length, trailer } = head;
  for (let index = 0; index < fields.length; index += 2)
    res.appendHeader(fields[index] as string, fields[index + 1] as string);
  if (length !== undefined && res.statusCode !== 204) res.setHeader('Content-Length', length);
  else res.removeHeader('Content-Length');
  if (length === undefined && trailer !== undefined && req.httpVersion !== '1.0')
    res.setHeader('Trailer', trailer);
  res.writeHead(res.statusCode, res.statusMessage);
}

/** The bytes the client will wait for. */
export function statedLength(
  req: Request,
  res: Response,
  { length }: AnswerHeadDraft,
): number | undefined {
  const bodyless = req.method === 'HEAD' || res.statusCode === 204 || res.statusCode === 304;
  return length === undefined || bodyless ? undefined : Number(length);
}

/** Sends any 1xx. Node has a public method for that from 24 on; before, only early hints can be sent. */
export function writeInterim(res: Response, status: number, fields: readonly string[]): void {
  const { writeInformation } = res as {
    writeInformation?: (status: number, headers: readonly string[]) => void;
  };
  try {
    if (writeInformation !== undefined) writeInformation.call(res, status, fields);
    else if (status === 103) {
      const link = fields.filter(
        (_, at) => fields[at - 1]?.toLowerCase() === 'link' && at % 2 === 1,
      );
      if (link.length > 0) res.writeEarlyHints({ link });
    }
  } catch {
    // Node judges the fields more strictly than the parser did: an interim answer may be left out.
  }
}

const framing: ReadonlySet<string> = new Set(['connection', 'content-length', 'transfer-encoding']);

/**
 * Whether the answer may be written as prepared text: nobody has put a function of their own in the
 * way (compression, sessions, loggers by `on-headers`), nobody waits to look at the response's fields
 * when it is finished, and the connection goes on as usual. Everything else takes the public methods.
 */
export function isUntouched(res: Response, own: readonly string[], closeListeners = 1): boolean {
  const { prototype } = ServerResponse;
  return (
    res.writeHead === prototype.writeHead &&
    res.write === prototype.write &&
    res.end === prototype.end &&
    res.setHeader === prototype.setHeader &&
    res.shouldKeepAlive &&
    internals(res).maxRequestsOnConnectionReached !== true &&
    // What the app says of connection and length is Node's to bring in line with the rest.
    !own.some((name) => framing.has(name)) &&
    // Node listens once itself; for 'close' those do that want nothing of the response.
    res.listenerCount('finish') <= 1 &&
    res.listenerCount('close') <= closeListeners &&
    internals(res)._header === null &&
    internals(res)._hasBody !== undefined
  );
}

/** Whether what is written goes straight to a socket of the system's, with nobody in between who might keep it. */
export function writesThrough(res: Response): boolean {
  return res.write === ServerResponse.prototype.write && res.socket instanceof Socket;
}

/** The internal fields the prepared text depends on; where the first two are missing, `isUntouched` says no. */
interface ResponseInternals {
  _header: string | null | undefined;
  _hasBody: boolean | undefined;
  maxRequestsOnConnectionReached?: boolean;
}

function internals(res: Response): ResponseInternals {
  return res as unknown as ResponseInternals;
}

/**
 * Writes head and body at once, a text as one piece of latin1 with the head. The fields that were set on `res` come first,
 * as with Node's own writeHead.
 */
export function writeWhole(
  req: Request,
  res: Response,
  { fields, length, named }: AnswerHeadDraft,
  body: string | Buffer,
): void {
  const none = res.statusCode === 204;
  // A hook may have made an answer with a body one that must not have any.
  const bodyless = none || req.method === 'HEAD' || res.statusCode === 304;
  const stated = none ? undefined : bodyless ? length : String(body.length);
  let head = `HTTP/1.1 ${res.statusCode} ${res.statusMessage}\r\n`;
  let dated = false;
  for (const name of named) {
    const value = res.getHeader(name) as string | number | string[];
    dated ||= name.length === 4 && name.toLowerCase() === 'date';
    if (typeof value === 'object') for (const single of value) head += `${name}: ${single}\r\n`;
    else head += `${name}: ${value}\r\n`;
  }
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    dated ||= name.length === 4 && name.toLowerCase() === 'date';
    head += `${name}: ${fields[index + 1] as string}\r\n`;
  }
  if (!dated && res.sendDate) head += `Date: ${date()}\r\n`;
  if (stated !== undefined) head += `Content-Length: ${stated}\r\n`;
  head += `Connection: keep-alive\r\n${keepAlive(req)}\r\n`;
  const text = typeof body === 'string';
  internals(res)._header = text && !bodyless ? head + body : head;
  atEndOfTurn(() => {
    if (text || bodyless) res.end();
    else res.end(body);
  });
}

/** Missing in @types/node for responses. */
function rawNames(res: Response): string[] {
  return (res as unknown as { getRawHeaderNames(): string[] }).getRawHeaderNames();
}

/** `Keep-Alive: timeout=…`, as Node's own answers say it. */
function keepAlive(req: Request): string {
  const { server } = req.socket as { server?: { keepAliveTimeout?: number } };
  const seconds = Math.floor((server?.keepAliveTimeout ?? 0) / 1000);
  return seconds > 0 ? `Keep-Alive: timeout=${seconds}\r\n` : '';
}

let dateSecond = 0;
let dateText = '';

/** The Date field (RFC 9110 §6.6.1), made once a second. */
function date(): string {
  const second = Math.floor(clock.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}
