import { IncomingMessage, ServerResponse, type RequestListener } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { prototypesOf } from './express-classes.ts';
import type { Http2RequestFields } from './http2-request-fields.ts';
import { Http2Response } from './http2-response.ts';
import { Http2Socket } from './http2-socket.ts';

/** Makes the request and response of HTTP/2 streams, born with the prototypes of an Express app. */
export class Http2Exchanges {
  readonly #Request: () => void;
  readonly #Response: () => void;

  constructor(app: RequestListener) {
    const { request, response } = prototypesOf(app) ?? {
      request: IncomingMessage.prototype,
      response: ServerResponse.prototype as ServerResponse,
    };
    this.#Request = newTarget(request);
    this.#Response = newTarget(response);
  }

  create(
    stream: ServerHttp2Stream,
    connection: TLSSocket,
    { method, path, fields }: Http2RequestFields,
    endsHere: boolean,
  ): { req: IncomingMessage; res: ServerResponse } {
    let reading = false;
    const socket = new Http2Socket(stream, connection, readBody, constants.NGHTTP2_INTERNAL_ERROR);
    const req = Reflect.construct(
      IncomingMessage,
      [socket.asSocket()],
      this.#Request,
    ) as IncomingMessage & RequestInternals;
    req.httpVersion = '2.0';
    req.httpVersionMajor = 2;
    req.httpVersionMinor = 0;
    req.method = method;
    req.url = path;
    req._addHeaderLines(fields, fields.length);
    req._destroy = function destroyHttp2Request(error, callback) {
      // Reset first, unless it was read to its end: what Node does with a socket that is still open does not fit a stream.
      const whole = req.complete && req.readableEnded;
      if (!whole && !stream.closed && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
      destroyMessage.call(req, error, callback);
    };
    const res = Reflect.construct(
      Http2Response,
      [req, stream, socket],
      this.#Response,
    ) as Http2Response;

    // Failures of a stream are told by its end; nobody else may be listening.
    stream.on('error', () => undefined);
    if (endsHere) {
      req.complete = true;
      req.push(null);
    } else {
      stream.once('trailers', (_trailers, _flags, ...rest) => {
        const [raw] = rest as unknown as [string[] | undefined];
        // Before `complete` these would be taken for header fields.
        req.complete = true;
        if (raw !== undefined) req._addHeaderLines(raw, raw.length);
      });
      stream.once('close', () => {
        if (!req.complete) req.destroy(reset());
      });
    }
    res.once('finish', () => {
      if (req.complete || stream.closed) dropRest(req);
      // RFC 9113 §8.1: the answer is whole, and nobody wants what the client is still sending.
      else if (!reading) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    return { req, res };

    function readBody(): void {
      if (reading) {
        stream.resume();
        return;
      }
      if (endsHere) return;
      reading = true;
      stream
        .on('data', (chunk: Buffer) => {
          if (!req.push(chunk)) stream.pause();
        })
        .once('end', () => {
          // A reset ends a stream, too.
          if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || stream.aborted) return;
          req.complete = true;
          req.push(null);
        });
    }
  }
}

/** Unread, a request would never emit its end. */
function dropRest(req: IncomingMessage): void {
  if (req.readableFlowing === null && !req.destroyed) req.resume();
}

/** Of IncomingMessage; what Node's own parser calls. */
interface RequestInternals {
  _addHeaderLines(fields: readonly string[], count: number): void;
}

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its request
const destroyMessage = IncomingMessage.prototype._destroy;

/** As node:http says that a client is gone. */
function reset(): Error {
  return Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
}

function newTarget(prototype: object): () => void {
  function Born(): void {
    // Only its prototype is used.
  }
  Born.prototype = prototype;
  return Born;
}
