import { ServerResponse, type IncomingMessage } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import {
  writeContinue,
  writeEarlyHints,
  writeInformation,
  writeProcessing,
} from './http2-interim-answer.ts';
import { fieldPairs, http2Pairs } from './http2-response-fields.ts';
import { flushHeaders, implicitHead, respond, writeHead } from './http2-response-head.ts';
import type { Http2Socket } from './http2-socket.ts';

type Callback = (error?: Error | null) => void;
type Chunk = string | Uint8Array;

/**
 * An http.ServerResponse that answers on an HTTP/2 stream. Express gives every response the prototype of
 * its app, which inherits from http.ServerResponse: node:http2's own class loses its methods that way. So
 * this is a ServerResponse, and all that would write HTTP/1.1 is replaced by fields of the object itself,
 * which stay whatever the prototype.
 */
export class Http2Response extends ServerResponse {
  /** Lest Node's own setters take fields for a head that is gone. */
  declare _header: string | null;
  declare _closed: boolean;
  declare _hasBody: boolean;
  readonly stream!: ServerHttp2Stream;
  /** What `addTrailers()` was given. */
  trailersToSend: Record<string, string | string[]> | undefined = undefined;
  #endCallback: Callback | undefined;

  override writableFinished = false;
  override writableNeedDrain = false;
  /** Of the body, so far: of the connection Node knows only what all streams have sent. */
  bodyBytes = 0;

  override writeHead: never = writeHead as never;
  override write: ServerResponse['write'] = write as never;
  override end: never = end as never;
  override flushHeaders: ServerResponse['flushHeaders'] = flushHeaders;
  override addTrailers: ServerResponse['addTrailers'] = addTrailers;
  override writeContinue: ServerResponse['writeContinue'] = writeContinue;
  override writeProcessing: ServerResponse['writeProcessing'] = writeProcessing;
  override writeEarlyHints: ServerResponse['writeEarlyHints'] = writeEarlyHints;
  override cork: ServerResponse['cork'] = nothing;
  override uncork: ServerResponse['uncork'] = nothing;
  writeInformation = writeInformation;
  _implicitHeader = implicitHead;

  constructor(req: IncomingMessage, stream: ServerHttp2Stream, socket: Http2Socket) {
    super(req);
    Object.assign(this, { stream, socket });
    // Where an answer ends is always told, also without a length.
    this.chunkedEncoding = true;
    stream.on('drain', () => {
      this.writableNeedDrain = false;
      this.emit('drain');
    });
    stream.once('close', () => {
      // An answer without a body ends with its head, for the client: the app may not have come to its end.
      if (this.writableEnded) Http2Response.#ended(this);
      else if (this._hasBody || !this.headersSent || stream.rstCode !== 0) closeResponse(this);
    });
  }

  static endWith(res: Http2Response, callback: Callback | undefined): void {
    res.#endCallback = callback;
    if (res.stream.writableFinished) process.nextTick(Http2Response.#finish, res);
    else res.stream.once('finish', () => Http2Response.#finish(res));
  }

  /** Node may close a stream whose last frame has gone without saying that it has finished. */
  static #ended(res: Http2Response): void {
    Http2Response.#finish(res);
    closeResponse(res);
  }

  static #finish(res: Http2Response): void {
    // What was cut off has not finished.
    if (res.destroyed || res.writableFinished || res.stream.rstCode !== 0) return;
    res.writableFinished = true;
    res.emit('finish');
    res.#endCallback?.();
    process.nextTick(closeResponse, res);
  }
}

function nothing(): void {
  // Node gathers the frames of a turn by itself.
}

/** As http's own responses do: once, and whatever became of it. */
function closeResponse(res: Http2Response): void {
  if (res._closed) return;
  res.destroyed = true;
  res._closed = true;
  res.emit('close');
}

function write(
  this: Http2Response,
  chunk: Chunk,
  encoding?: BufferEncoding | Callback | null,
  callback?: Callback,
): boolean {
  if (typeof encoding === 'function') return write.call(this, chunk, undefined, encoding);
  if (typeof chunk !== 'string' && !((chunk as unknown) instanceof Uint8Array))
    throw Object.assign(new TypeError('A chunk must be a string, a Buffer or a Uint8Array'), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
  if (this.writableEnded || this.destroyed) {
    const error = this.writableEnded
      ? fault('ERR_STREAM_WRITE_AFTER_END', 'write after end')
      : fault('ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed');
    process.nextTick(() => {
      callback?.(error);
      if (this.writableEnded && !this.destroyed) this.emit('error', error);
    });
    return false;
  }
  flushHeaders.call(this);
  const { stream } = this;
  if (!this._hasBody || chunk.length === 0 || this.socket?.destroyed !== false) {
    if (callback !== undefined) process.nextTick(callback);
    return true;
  }
  this.bodyBytes += byteLength(chunk, encoding);
  const room = stream.write(chunk, encoding ?? 'utf8', callback);
  if (!room) this.writableNeedDrain = true;
  return room;
}

function end(
  this: Http2Response,
  chunk?: Chunk | Callback | null,
  encoding?: BufferEncoding | Callback | null,
  callback?: Callback,
): Http2Response {
  if (typeof chunk === 'function') return end.call(this, undefined, undefined, chunk);
  if (typeof encoding === 'function') return end.call(this, chunk, undefined, encoding);
  const given = chunk ?? undefined;
  if (this.writableEnded) {
    const after = fault('ERR_STREAM_ALREADY_FINISHED', 'end() was called before');
    if (callback !== undefined) process.nextTick(callback, after);
    return this;
  }
  if (!this.headersSent) {
    if (!this.hasHeader('content-length') && this.trailersToSend === undefined)
      stateLength(this, given, encoding);
    implicitHead.call(this);
  }
  respond(this, true);
  (this as { finished: boolean }).finished = true;
  const { stream } = this;
  if (this.socket?.destroyed === false && this._hasBody) {
    if (given === undefined || given.length === 0) stream.end();
    else {
      this.bodyBytes += byteLength(given, encoding);
      stream.end(given, encoding ?? 'utf8');
    }
  }
  Http2Response.endWith(this, callback);
  return this;
}

/** What is written in one piece has a length, as over HTTP/1.1. */
function stateLength(
  res: Http2Response,
  chunk: Chunk | undefined,
  encoding: BufferEncoding | null | undefined,
): void {
  if (res.statusCode === 204 || res.statusCode === 304) return;
  if (chunk === undefined && res.req.method === 'HEAD') return;
  res.setHeader('Content-Length', chunk === undefined ? 0 : byteLength(chunk, encoding));
}

function byteLength(chunk: Chunk, encoding: BufferEncoding | null | undefined): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding ?? 'utf8') : chunk.length;
}

function addTrailers(this: Http2Response, trailers: unknown): void {
  const pairs = fieldPairs(trailers).map(([name, value]) => [name, value] as const);
  const all = (this.trailersToSend ??= {});
  for (const [name, value] of Object.entries(http2Pairs(pairs))) all[name] = value;
}

function fault(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
