import { maxHeaderSize, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  constants,
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { Http2Exchanges } from './http2-exchange.ts';
import { Http2Pulse } from './http2-pulse.ts';
import { readHttp2Fields, type Http2RequestFields } from './http2-request-fields.ts';

/** Of a request over HTTP/2, the limits an HTTP/1.1 connection has. Milliseconds; 0 for never. */
export interface Http2Limits {
  /** For a whole request with its body. */
  readonly request: number;
  /** For a connection without requests. */
  readonly idle: number;
  /** For the first request of a connection. */
  readonly first: number;
}

/** What a connection may have in its buffers unread, all streams together. */
const connectionWindow = 1024 * 1024;

/**
 * Bounds for hostile clients: streams at once, size of heads, and how fast streams may be opened and
 * reset (CVE-2023-44487). Beyond them the session ends with ENHANCE_YOUR_CALM.
 */
const options: ServerOptions & { strictSingleValueFields?: boolean } = {
  settings: {
    enablePush: false,
    maxConcurrentStreams: 128,
    maxHeaderListSize: maxHeaderSize,
    initialWindowSize: 128 * 1024,
  },
  maxHeaderListPairs: 128,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  maxSettings: 32,
  maxSendHeaderBlockLength: 256 * 1024,
  streamResetBurst: 200,
  streamResetRate: 33,
  // Servers may repeat what may not be repeated; over HTTP/1.1 that goes on, too.
  strictSingleValueFields: false,
};

interface OpenRequest {
  readonly stream: ServerHttp2Stream;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly since: number;
}

/** Where what a connection brings goes to. */
export interface Http2Doors {
  serve(req: IncomingMessage, res: ServerResponse): void;
  /** The app does not see it. */
  refuse(req: IncomingMessage, res: ServerResponse, error: ProxyError): void;
  /** The client has broken the rules of the protocol, and the session is over. */
  broken(connection: TLSSocket): void;
  closed(session: Http2Session): void;
}

/** One HTTP/2 connection of a client. */
export class Http2Session {
  readonly #session: ServerHttp2Session;
  readonly #connection: TLSSocket;
  readonly #exchanges: Http2Exchanges;
  readonly #doors: Http2Doors;
  readonly #pulse: Http2Pulse;
  /** Also holds those whose answer has ended while their body has not. */
  readonly #open: Set<OpenRequest> = new Set();
  #idleSince: number = clock.monotonic();
  #first = true;

  constructor(connection: TLSSocket, exchanges: Http2Exchanges, doors: Http2Doors) {
    this.#connection = connection;
    this.#exchanges = exchanges;
    this.#doors = doors;
    const session = performServerHandshake(connection, options);
    this.#session = session;
    this.#pulse = new Http2Pulse(session, connection);
    session
      .on('stream', this.#onStream)
      .on('error', this.#onError)
      .on('close', () => {
        doors.closed(this);
      });
    session.setLocalWindowSize(connectionWindow);
  }

  /** Ends what has taken too long. */
  sweep({ request, idle, first }: Http2Limits): void {
    if (this.#pulse.stopped(this.#open.size > 0)) {
      this.destroy();
      return;
    }
    const now = clock.monotonic();
    if (this.#open.size === 0) {
      const limit = this.#first ? first : idle;
      if (limit > 0 && now - this.#idleSince >= limit) this.#session.close();
      return;
    }
    if (request === 0) return;
    for (const { stream, req, res, since } of this.#open) {
      if (req.complete || now - since < request) continue;
      if (!res.headersSent) res.writeHead(408).end();
      else stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  /** Says GOAWAY: streams in flight finish, the client asks elsewhere for more. */
  close(): void {
    if (!this.#session.closed) this.#session.close();
  }

  destroy(): void {
    // Else nobody could tell streams that were cut off from those that had ended.
    for (const { stream } of this.#open) if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    this.#session.destroy();
    this.#connection.destroy();
  }

  readonly #onStream = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    raw: readonly string[],
  ): void => {
    this.#first = false;
    // The client may have reset it since.
    if (stream.destroyed || stream.closed) return;
    const endsHere = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const fields = readHttp2Fields(raw, headers, endsHere);
    const { req, res } = this.#exchanges.create(stream, this.#connection, fields, endsHere);
    const open: OpenRequest = { stream, req, res, since: clock.monotonic() };
    this.#open.add(open);
    stream.once('close', () => {
      this.#open.delete(open);
      process.nextTick(forgetListeners, stream);
      if (this.#open.size === 0) this.#idleSince = clock.monotonic();
    });
    const refusal = refusalFor(fields);
    if (refusal === undefined) this.#doors.serve(req, res);
    else this.#doors.refuse(req, res, refusal);
  };

  /** Wrong frames and floods: the session has been closed for them. */
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#session.destroy();
    // Of nghttp2; what the client says, and a connection that breaks, have codes of their own.
    if (brokenRules.has(error.code ?? '')) this.#doors.broken(this.#connection);
  };
}

const brokenRules: ReadonlySet<string> = new Set([
  'ERR_HTTP2_ERROR',
  'ERR_HTTP2_TOO_MANY_INVALID_FRAMES',
]);

/**
 * Node keeps an ended stream until the next full collection of garbage; what listens to it, the request
 * and all that belongs to it, would be kept, and copied at each small collection.
 */
function forgetListeners(stream: ServerHttp2Stream): void {
  stream.removeAllListeners();
}

/** The app sees only requests that are one. */
function refusalFor({ method, problem, size }: Http2RequestFields): ProxyError | undefined {
  if (method === 'CONNECT')
    return new ProxyError('ERR_SEKISHO_BAD_REQUEST', {
      status: 405,
      message: 'CONNECT is not for HTTP/2 here',
    });
  // The limit told in the settings binds only clients that have acknowledged them.
  if (size > maxHeaderSize)
    return new ProxyError('ERR_SEKISHO_BAD_REQUEST', {
      status: 431,
      message: 'The fields of the request are too large',
    });
  return problem === undefined
    ? undefined
    : new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail: problem });
}
