import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Dispatcher } from 'undici';
import { contextOf, type Context } from '../context.ts';
import { ProxyError, type ErrorCode } from '../errors.ts';
import { readRequest, type RequestReading } from '../http/request-reading.ts';
import { parseOptions } from '../options.ts';
import { adjuster, preparer } from './adjustments.ts';
import { Delivery, type DeliveryOrder } from './delivery.ts';
import { forwarderSchema, type ForwarderOptions, type Target } from './forward-options.ts';
import type { Pool } from './pool.ts';
import { rewriteParsedBody } from './parsed-body.ts';
import { Reply, type ReplyOrder } from './reply.ts';
import { RequestBody } from './request-body.ts';
import {
  addWayFields,
  goesInCircles,
  applyChanges,
  prepareChanges,
  removeFields,
} from './request-fields.ts';
import { requestPath } from './request-path.ts';
import { targetsOf } from './target.ts';
import { forwardUpgrade } from './upgrade.ts';
import type { Upstream } from './upstream.ts';

export type {
  ForwarderOptions,
  ForwardHooks,
  PathRewrite,
  RequestDraft,
  ResponseDraft,
  Target,
} from './forward-options.ts';

/** Sends requests on and ends the chain. */
export interface Forwarder extends RequestHandler {
  /** As the handler, for routers: `prefix` is taken off the path, beyond Express' mount path. */
  forward(req: Request, res: Response, next: NextFunction, prefix: string): void;
  /** Lets requests in flight finish and closes the pools this forwarder has made. */
  close(): Promise<void>;
}

const badRequest: Readonly<Record<NonNullable<RequestReading['problem']>['kind'], ErrorCode>> = {
  framing: 'ERR_SEKISHO_BAD_FRAMING',
  host: 'ERR_SEKISHO_BAD_HOST',
  request: 'ERR_SEKISHO_BAD_REQUEST',
};

/**
 * The forwarder behind `balancedProxy` and `prefixRouter`. One request's way: 1 read and judge the request,
 * 2 make its fields anew, 3 choose a server and send (`Delivery`, with the wrappers of the chain around it),
 * 4 write the answer (`Reply`).
 *
 * @throws {OptionsError} at once, when target or options are not what they should be
 */
export function createForwarder(
  middlewareName: string,
  target: Target,
  options: ForwarderOptions = {},
): Forwarder {
  const parsed = parseOptions(middlewareName, forwarderSchema, options);
  const targets = targetsOf(middlewareName, target, parsed, options);
  const changes = prepareChanges(parsed.headers.request);
  const fallthrough: ReadonlySet<number> = new Set(parsed.fallthrough);
  const prepare = preparer(parsed);
  const via = parsed.via === false ? undefined : `1.1 ${parsed.via}`;

  function forward(req: Request, res: Response, next: NextFunction, prefix: string): void {
    const context = contextOf(req);
    const refuse = refuser(req, res, next, context);
    try {
      const reading = judged(req);
      const upstream = targets.find(req);
      if (upstream instanceof Promise)
        upstream
          .then((found) => {
            proceed(found, reading);
          }, refuse)
          .catch(refuse);
      else proceed(upstream, reading);
    } catch (error) {
      refuse(error);
    }

    function proceed(upstream: Upstream, reading: RequestReading): void {
      const { transaction } = context;
      const { pool } = upstream;
      transaction.upstream = upstream.name;
      transaction.client ??= req.socket.remoteAddress;
      if (goesInCircles(reading.via, parsed.via))
        throw new ProxyError('ERR_SEKISHO_LOOP', { detail: `Via: ${reading.via ?? ''}` });
      const path = requestPath(req, prefix, reading.host, parsed);
      const fields = reading.pass;
      const taken = parsed.keepPrefix ? '' : req.baseUrl + prefix;
      addWayFields(fields, req, reading, taken, parsed);
      const host = changes?.host ?? (parsed.changeOrigin ? undefined : reading.host);
      const { upgrade } = context;
      const plain = upgrade === undefined;
      if (plain && reading.trailersWanted) fields.push('TE', 'trailers');
      if (plain && endsHere(req, res, reading, fields)) return;
      const body = plain ? bodyOf(req, res, context, reading, pool, fields) : undefined;
      if (changes !== undefined) applyChanges(fields, changes);
      const streamed = body instanceof RequestBody ? body : undefined;
      const order: DeliveryOrder = { pool, req, res, transaction, body: streamed, host, prepare };
      const deliveries: Delivery[] = [];
      const reply: ReplyOrder = {
        req,
        res,
        next,
        context,
        body: streamed,
        via,
        fallthrough,
        adjust: adjuster(parsed, pool, req, res, () => deliveries.at(-1)?.answeredBy),
        fail,
      };
      if (!plain) {
        if (!parsed.ws) throw new ProxyError('ERR_SEKISHO_UPGRADE_REFUSED');
        forwardUpgrade({ delivery: order, reply, upgrade, path, fields });
        return;
      }
      const request = {
        origin: pool.servers[0]?.origin ?? 'http://localhost',
        method: req.method,
        path,
        headers: fields,
        body: body ?? null,
        expectContinue: context.awaitsContinue && streamed !== undefined,
      } as unknown as Dispatcher.DispatchOptions;
      send(context, request, new Reply(reply), (options, handler) => {
        const delivery = new Delivery(order, options, handler);
        deliveries.push(delivery);
        delivery.start();
        return true;
      });
    }

    function fail(error: ProxyError): void {
      // What is left of the body would block the connection.
      if (!req.readableEnded) req.resume();
      const hook = parsed.on.error;
      if (hook === undefined) {
        refuse(error);
        return;
      }
      const failed = (cause: unknown): void => {
        refuse(new ProxyError('ERR_SEKISHO_HOOK', { cause, detail: 'on.error failed' }));
      };
      const unanswered = (): void => {
        if (!res.headersSent && !res.writableEnded) refuse(error);
      };
      try {
        const waiting: unknown = hook(error, req, res);
        if (waiting instanceof Promise) waiting.then(unanswered, failed);
        else unanswered();
      } catch (cause) {
        failed(cause);
      }
    }
  }

  const forwarder: RequestHandler = (req, res, next) => {
    forward(req, res, next, '');
  };
  return Object.assign(forwarder, { forward, close: () => targets.close() });
}

/**
 * Connections on which a malformed request came: where it ends is anybody's guess, and Node may have read
 * another one from the same bytes before the connection is closed.
 */
const condemned: WeakSet<object> = new WeakSet();

/** Passes a failure on to the app's error handlers; an ambiguous request also costs its connection. */
function refuser(
  req: Request,
  res: Response,
  next: NextFunction,
  context: Context,
): (error: unknown) => void {
  return (error) => {
    const known =
      error instanceof ProxyError ? error : new ProxyError('ERR_SEKISHO_HOOK', { cause: error });
    const { transaction } = context;
    transaction.error ??= known.code;
    transaction.client ??= req.socket.remoteAddress;
    if (known.source === 'client' && known.status === 400 && !res.headersSent) {
      res.setHeader('Connection', 'close');
      res.shouldKeepAlive = false;
      if (req.httpVersionMajor < 2) condemned.add(req.socket);
    }
    res.once('close', () => {
      // When a reply was under way it has ended the record already, and this says nothing.
      if (transaction.outcome === undefined) transaction.status = res.statusCode;
      transaction.end('refused');
      // A body half read by who came before would block the connection.
      if (!req.readableEnded) req.resume();
    });
    if (req.destroyed && res.destroyed) transaction.end('client-aborted');
    else next(known);
  };
}

/** 1 The request, or why it is none. */
function judged(req: Request): RequestReading {
  if (condemned.has(req.socket))
    throw new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail: 'it follows a malformed request' });
  const reading = readRequest(req.rawHeaders, req.httpVersion);
  const { problem } = reading;
  if (problem !== undefined)
    throw new ProxyError(badRequest[problem.kind], { detail: problem.detail });
  if (req.method === 'TRACE' && (reading.chunked || reading.length > 0))
    throw new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail: 'TRACE with a body' });
  return reading;
}

/** Max-Forwards (RFC 9110 §7.6.2): at 0 this proxy is the one to answer. */
function endsHere(req: Request, res: Response, reading: RequestReading, fields: string[]): boolean {
  const { maxForwards } = reading;
  if (maxForwards === undefined) return false;
  if (req.method !== 'OPTIONS' && req.method !== 'TRACE') {
    fields.push('Max-Forwards', String(maxForwards));
    return false;
  }
  if (maxForwards > 0) {
    fields.push('Max-Forwards', String(maxForwards - 1));
    return false;
  }
  if (req.method === 'OPTIONS') res.status(204).end();
  else res.status(405).set('Allow', 'OPTIONS').end();
  return true;
}

/** The body as it goes on: streamed, or what a parser has left of it; framing fields come with it. */
function bodyOf(
  req: Request,
  res: Response,
  context: Context,
  reading: RequestReading,
  pool: Pool,
  fields: string[],
): Buffer | RequestBody | undefined {
  if (!reading.chunked && reading.length === 0) return undefined;
  if (req.readableDidRead || req.readableEnded) {
    const { bytes, drop } = rewriteParsedBody(req);
    removeFields(fields, drop);
    return bytes;
  }
  if (!reading.chunked) fields.push('Content-Length', String(reading.length));
  return new RequestBody(req, pool.options.retries.maxReplay, () => {
    if (!context.awaitsContinue) return;
    context.awaitsContinue = false;
    res.writeContinue();
  });
}

/** 3 Through the wrappers, the first mounted outermost, to a server. */
function send(
  context: Context,
  request: Dispatcher.DispatchOptions,
  reply: Reply,
  deliver: Dispatcher['dispatch'],
): void {
  let dispatch = deliver;
  for (const interceptor of context.interceptors.toReversed()) dispatch = interceptor(dispatch);
  try {
    dispatch(request, reply);
  } catch (error) {
    reply.onResponseError(undefined, error as Error);
  }
}
