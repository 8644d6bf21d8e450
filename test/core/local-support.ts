/** What the tests of wrapped handlers share: kinds of handlers, kinds of wrappers that change nothing. */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import type { TestContext } from 'node:test';
import express, { type RequestHandler } from 'express';
import type { Dispatcher } from 'undici';
import type { Interceptor } from '../../lib/core/context.ts';
import { asDirect, DirectListener, type DirectHandler } from '../../lib/core/exchange/contract.ts';
import { wrap } from '../../lib/core/local-exchange.ts';
import { listen, type Listening } from '../support/servers.ts';
import { showErrors } from './upstream/forward-support.ts';

/** A wrapper middleware. */
export function wrapping(interceptor: Interceptor): RequestHandler {
  return (req, res, next) => {
    wrap(req, res, interceptor);
    next();
  };
}

/** An app of these middlewares, with an error handler at its end. */
export async function appOf(
  t: TestContext,
  ...handlers: readonly RequestHandler[]
): Promise<Listening> {
  const app = express();
  app.set('env', 'test');
  for (const handler of handlers) app.use(handler);
  app.use(showErrors);
  return listen(t, app as RequestHandler as never);
}

/** Handlers of an app, one for each way to answer. */
export const handlers: Readonly<Record<string, RequestHandler>> = {
  'res.send of text': (_req, res) => void res.send('hello'),
  'res.send of bytes': (_req, res) => void res.send(Buffer.from([0, 1, 2, 255])),
  'res.json': (_req, res) => void res.json({ hello: 'wörld' }),
  'res.sendStatus': (_req, res) => void res.sendStatus(404),
  'res.status(204)': (_req, res) => void res.status(204).end(),
  'a 304 by hand': (_req, res) => void res.status(304).set('ETag', '"x"').end(),
  'a 204 with a body that must not be sent': (_req, res) => void res.status(204).end('body'),
  'res.end of nothing': (_req, res) => void res.end(),
  'res.end of text, no head': (_req, res) => void res.end('hello'),
  'res.end of latin1': (_req, res) => void res.end('é', 'latin1'),
  'res.end of hex': (_req, res) => void res.end('00ff', 'hex'),
  'res.end with a callback': (_req, res) => void res.end(() => undefined),
  'chunks without a length': (_req, res) => {
    res.write('one');
    res.write('two');
    res.end('three');
  },
  'chunks with a length': (_req, res) => {
    res.setHeader('Content-Length', 8);
    res.write('one');
    res.write(new Uint8Array([116, 119, 111]));
    res.end('34');
  },
  'writeHead with an object': (_req, res) => {
    res.writeHead(201, { 'X-One': '1', 'content-TYPE': 'text/plain', 'X-Many': ['a', 'b'] });
    res.end('made');
  },
  'writeHead with a reason and an object': (_req, res) => {
    res.setHeader('X-One', 'before').setHeader('X-Two', '2');
    res.writeHead(200, 'Fine', { 'X-One': '1' }).end('made');
  },
  'writeHead with names and values in turn': (_req, res) => {
    res.writeHead(200, ['X-One', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'] as never);
    res.end('made');
  },
  'writeHead alone, the body later': (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/plain' });
    setTimeout(() => res.end('later'), 10);
  },
  'fields that are removed': (_req, res) => {
    res.removeHeader('X-Powered-By');
    res.removeHeader('X-Outer');
    res.set('X-Gone', '1').removeHeader('X-Gone');
    res.send('bare');
  },
  'fields of others that are replaced': (_req, res) =>
    void res.set({ 'X-Outer': 'mine', 'Set-Cookie': 'own=1' }).send('mine'),
  'fields that add up': (_req, res) => {
    res.cookie('a', '1').cookie('b', '2').vary('Accept').vary('X-B');
    res.append('Link', '<x>; rel=y').send('ok');
  },
  'no Date and no length': (_req, res) => {
    res.sendDate = false;
    res.removeHeader('content-length');
    res.end('x');
  },
  'Connection: close': (_req, res) => void res.set('Connection', 'close').send('bye'),
  redirect: (_req, res) => {
    res.redirect(302, '/elsewhere?a=b');
  },
  'res.sendFile': (_req, res) => {
    res.sendFile(import.meta.filename);
  },
  'res.sendFile that is not there': (_req, res) => {
    res.sendFile('/not/there');
  },
  'a piped file': (_req, res) => void createReadStream(import.meta.filename).pipe(res),
  'a pipeline': (_req, res) => {
    pipeline(Readable.from(['a', 'b'.repeat(40_000), 'c']), res, () => undefined);
  },
  'a large body in one piece': (_req, res) => void res.send('x'.repeat(300_000)),
  'event stream': (_req, res) => {
    res.set('Content-Type', 'text/event-stream').flushHeaders();
    res.write('data: 1\n\n');
    setTimeout(() => res.end('data: 2\n\n'), 15);
  },
  trailers: (req, res) => {
    // Node refuses the field for a client that cannot have trailers.
    if (req.httpVersion === '1.1' && req.method === 'GET') res.setHeader('Trailer', 'X-Sum');
    res.write('body');
    res.addTrailers({ 'X-Sum': '4' });
    res.end();
  },
  // Unlike Node a layer keeps 1xx from HTTP/1.0 clients, who must not get any (RFC 9110 §15.2), and Node
  // writes those of a pipelined request into the answer before it.
  'early hints': (req, res) => {
    if (req.httpVersion === '1.1' && req.url === '/x')
      res.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.css>; rel=preload'], 'x-h': '1' });
    res.send('then');
  },
  'a processing answer': (req, res) => {
    if (req.httpVersion === '1.1' && req.url === '/x') res.writeProcessing();
    res.send('then');
  },
  'next(error)': (_req, _res, next) => {
    next(Object.assign(new Error('no'), { status: 418 }));
  },
  'nothing: the end of the app': (_req, _res, next) => {
    next();
  },
  'a throw': () => {
    throw new Error('thrown');
  },
  'ETag and freshness': (_req, res) => void res.set('ETag', '"e"').send('fresh?'),
};

/** Passes on everything, as one who knows only undici's contract. */
export const plainly: Interceptor = (dispatch) => (options, handler) =>
  dispatch(options, {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onResponseStart: (controller, status, headers, message) =>
      handler.onResponseStart?.(controller, status, headers, message),
    onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
  });

/** The same by the direct calls. */
export const directly: Interceptor = (dispatch) => (options, handler) =>
  dispatch(options, new Direct(handler));

class Direct extends DirectListener {
  readonly #handler: DirectHandler;

  constructor(handler: Dispatcher.DispatchHandler) {
    super();
    this.#handler = asDirect(handler);
  }
  onRequestStart(...call: [Dispatcher.DispatchController, unknown]): void {
    this.#handler.onRequestStart?.(...call);
  }
  onDirectStart(...call: Parameters<DirectListener['onDirectStart']>): void {
    this.#handler.onDirectStart(...call);
  }
  onDirectWhole(...call: Parameters<DirectListener['onDirectWhole']>): void {
    const [controller, status, fields, message, body] = call;
    if (this.#handler.onDirectWhole !== undefined) this.#handler.onDirectWhole(...call);
    else {
      this.#handler.onDirectStart(controller, status, fields, message);
      this.#handler.onDirectData(controller, Buffer.from(body, 'latin1'));
      this.#handler.onDirectEnd(controller, []);
    }
  }
  onDirectData(controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    return this.#handler.onDirectData(controller, chunk);
  }
  onDirectEnd(controller: Dispatcher.DispatchController, trailers: readonly string[]): void {
    this.#handler.onDirectEnd(controller, trailers);
  }
  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.#handler.onResponseError?.(controller, error);
  }
}

/** Dispatches only later, so that the handler is far ahead. */
export const later: Interceptor = (dispatch) => (options, handler) => {
  setTimeout(() => dispatch(options, handler), 20);
  return true;
};

/** Holds the answer back when it begins. */
export const hesitant: Interceptor = (dispatch) => (options, handler) =>
  dispatch(options, {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onResponseStart(controller, status, headers, message) {
      handler.onResponseStart?.(controller, status, headers, message);
      controller.pause();
      setTimeout(() => {
        controller.resume();
      }, 20);
    },
    onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
    onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
  });

/**
 * An answer without its date, and with its body in one chunk: Node 26 makes one of what is written before the event
 * loop goes on, which depends on when the socket was free.
 */
export function sameBytes(text: string): string {
  const bodies = /Transfer-Encoding: chunked\r\n(?:[^\r\n]+\r\n)*\r\n/g;
  let joined = '';
  let end = 0;
  while (bodies.exec(text) !== null) {
    const { body, after } = unchunked(text, bodies.lastIndex);
    joined += `${text.slice(end, bodies.lastIndex)}[${body}]\r\n`;
    end = bodies.lastIndex = after;
  }
  return (joined + text.slice(end)).replaceAll(/Date: [^\r]+\r\n/g, 'Date: then\r\n');
}

/** The data of the chunks at `start`, and where they end: before the last chunk, which is an empty one. */
function unchunked(text: string, start: number): { body: string; after: number } {
  const size = /([1-9a-f][0-9a-f]*)\r\n/y;
  let body = '';
  let after = start;
  for (;;) {
    size.lastIndex = after;
    const found = size.exec(text);
    if (found === null) return { body, after };
    const end = size.lastIndex + Number.parseInt(found[1] ?? '', 16);
    assert.equal(text.slice(end, end + 2), '\r\n', 'a chunk ends where it says');
    body += text.slice(size.lastIndex, end);
    after = end + 2;
  }
}
