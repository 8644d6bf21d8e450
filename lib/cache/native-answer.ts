import type { Request } from 'express';
import type { Dispatcher } from 'undici';
import { asDirect, type DirectHandler } from '../core/exchange/contract.ts';
import { answerHere } from '../core/upstream/answer-here.ts';
import type { Entry } from './entry.ts';
import type { Visit } from './visit.ts';

/**
 * Answers a request with what the cache has, through the wrappers that stand around it.
 *
 * @param stored what of it tells which fields a hit has: those that the miss had
 */
export function answerNatively(
  { req, res, next }: Visit,
  { local, removed }: Pick<Entry, 'local' | 'removed'>,
  play: (handler: DirectHandler) => void,
): void {
  answerHere(req, res, next, {
    options: optionsOf(req),
    dispatch: (_options, handler) => {
      play(asDirect(handler));
      return true;
    },
    overrides: local,
    removes: removed,
  });
}

function optionsOf(req: Request): Dispatcher.DispatchOptions {
  return {
    origin: `${req.protocol}://${req.headers.host ?? ''}`,
    method: req.method,
    path: req.originalUrl,
    headers: req.rawHeaders,
    body: null,
  };
}
