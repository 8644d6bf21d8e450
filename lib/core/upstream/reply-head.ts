import type { Request, Response } from 'express';
import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { clock } from '../clock.ts';

/**
 * Whether the answer may be written as prepared text: nobody has put a function of their own in the
 * way (compression, sessions, loggers by `on-headers`), nobody waits to look at the response's fields
 * when it is finished, and the connection goes on as usual. Everything else takes the public methods.
 */
export function isUntouched(res: Response): boolean {
  const { prototype } = ServerResponse;
  return (
    res.writeHead === prototype.writeHead &&
    res.write === prototype.write &&
    res.end === prototype.end &&
    res.setHeader === prototype.setHeader &&
    res.shouldKeepAlive &&
    internals(res).maxRequestsOnConnectionReached !== true &&
    // What the app says of connection and length is Node's to bring in line with the rest.
    !res.hasHeader('connection') &&
    !res.hasHeader('content-length') &&
    !res.hasHeader('transfer-encoding') &&
    // Node listens once itself, the forwarder once for 'close'.
    res.listenerCount('finish') <= 1 &&
    res.listenerCount('close') <= 1 &&
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
 * Writes head and body as one piece of latin1 text. The fields that were set on `res` come first,
 * as with Node's own writeHead.
 */
export function writeWhole(
  req: Request,
  res: Response,
  fields: readonly string[],
  length: string | undefined,
  body: string,
): void {
  let head = `HTTP/1.1 ${res.statusCode} ${res.statusMessage}\r\n`;
  const names = (res as unknown as { getRawHeaderNames(): string[] }).getRawHeaderNames();
  let dated = false;
  for (const name of names) {
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
  if (length !== undefined) head += `Content-Length: ${length}\r\n`;
  internals(res)._header = `${head}Connection: keep-alive\r\n${keepAlive(req)}\r\n${body}`;
  res.end();
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
