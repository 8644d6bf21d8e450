import type { NextFunction, Request, Response } from 'express';
import type { Dispatcher } from 'undici';
import { contextOf } from '../context.ts';
import { takeInterceptors } from '../local-exchange.ts';
import { refuse } from './refusal.ts';
import { Reply, type ReplyOrder } from './reply.ts';

/** An answer that a wrapper has at hand, as an exchange. */
export interface AnswerAtHand {
  readonly options: Dispatcher.DispatchOptions;
  /** Tells the answer to the handler; `onDirectStart`, `onDirectWhole` and so on are understood. */
  readonly dispatch: Dispatcher['dispatch'];
  /**
   * Its fields take the place of those on `res`, as with an answer of a handler of the app. `false`: those on `res` win,
   * as with an answer of a server behind a forwarder. `Set-Cookie`, `Vary`, `Link` and `Server-Timing` add up either way.
   *
   * @default false
   */
  readonly overrides?: boolean;
  /** Names, in lower case, of fields that are taken from `res` first. @default none */
  readonly removes?: readonly string[];
}

/**
 * Answers a request at this point of the chain, e.g. from a cache: through the wrappers that stand outside, to the
 * client. A failure before the head goes to `next`.
 */
export function answerHere(
  req: Request,
  res: Response,
  next: NextFunction,
  answer: AnswerAtHand,
): void {
  const context = contextOf(req);
  context.claim();
  context.transaction.client ??= req.socket.remoteAddress;
  const around = takeInterceptors(req);
  const order: ReplyOrder = {
    req,
    res,
    next,
    context,
    body: undefined,
    via: undefined,
    fallthrough: nothingFallsThrough,
    adjust: undefined,
    overrides: answer.overrides === true,
    removes: answer.removes,
    fail: (error) => {
      refuse(error, req, res, next, context);
    },
  };
  const reply = new Reply(order);
  let { dispatch } = answer;
  try {
    for (let at = around.length - 1; at >= 0; at--)
      dispatch = (around[at] as (typeof around)[number])(dispatch);
    dispatch(answer.options, reply);
  } catch (error) {
    reply.onResponseError(undefined, error as Error);
  }
}

const nothingFallsThrough: ReadonlySet<number> = new Set();
