import type { NextFunction, Request, Response } from 'express';
import type { Dispatcher } from 'undici';
import { contextOf, type Context } from '../core/context.ts';
import type { ProxyError } from '../core/errors.ts';
import { asDirect, type DirectHandler } from '../core/exchange/contract.ts';
import { takeInterceptors } from '../core/local-exchange.ts';
import { refuse } from '../core/upstream/refusal.ts';
import { Reply, type ReplyOrder } from '../core/upstream/reply.ts';

const nothing: ReadonlySet<number> = new Set();

/** An answer that no forwarder and no handler gives. */
class NativeOrder implements ReplyOrder {
  readonly req: Request;
  readonly res: Response;
  readonly next: NextFunction;
  readonly context: Context;
  readonly body = undefined;
  readonly via = undefined;
  readonly adjust = undefined;
  readonly fallthrough = nothing;

  constructor(req: Request, res: Response, next: NextFunction) {
    this.req = req;
    this.res = res;
    this.next = next;
    this.context = contextOf(req);
    this.context.transaction.client ??= req.socket.remoteAddress;
  }

  fail(error: ProxyError): void {
    refuse(error, this.req, this.res, this.next, this.context);
  }
}

/** Answers a request at this point of the chain, through the wrappers that stand around it. */
export function answerNatively(
  req: Request,
  res: Response,
  next: NextFunction,
  play: (handler: DirectHandler) => void,
): void {
  contextOf(req).claim();
  const outer = takeInterceptors(req);
  const reply = new Reply(new NativeOrder(req, res, next));
  if (outer.length === 0) {
    play(reply);
    return;
  }
  let dispatch: Dispatcher['dispatch'] = (_options, handler) => {
    play(asDirect(handler));
    return true;
  };
  try {
    for (const interceptor of outer.toReversed()) dispatch = interceptor(dispatch);
    dispatch(
      {
        origin: `${req.protocol}://${req.headers.host ?? ''}`,
        method: req.method,
        path: req.originalUrl,
        headers: req.rawHeaders,
        body: null,
      },
      reply,
    );
  } catch (error) {
    reply.onResponseError(undefined, error as Error);
  }
}
