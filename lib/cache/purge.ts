import type { NextFunction, Request, Response } from 'express';
import { ProxyError } from '../core/errors.ts';
import type { CacheEngine } from './engine.ts';
import { urlOf } from './key.ts';

/** Answers PURGE (Squid's and Varnish' method): forgets what is stored of the URL, for those who may ask for it. */
export async function answerPurge(
  engine: CacheEngine,
  req: Request,
  res: Response,
  next: NextFunction,
): Promise<void> {
  try {
    const url = urlOf(req);
    if (url === undefined) {
      next(new ProxyError('ERR_SEKISHO_BAD_HOST'));
      return;
    }
    if ((await engine.options.purge?.(req)) !== true) {
      next(new ProxyError('ERR_SEKISHO_PURGE_DENIED'));
      return;
    }
    res.json({ purged: await engine.invalidate(url) });
  } catch (error) {
    next(error);
  }
}
