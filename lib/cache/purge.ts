import type { NextFunction, Request, Response } from 'express';
import { ProxyError } from '../core/errors.ts';
import { failWith } from '../core/fail-with.ts';
import { ownCacheStatus } from '../core/http/cache-status.ts';
import type { CacheEngine } from './engine.ts';
import { urlOf } from './key.ts';

/** Answers PURGE (Squid's and Varnish' method): forgets what is stored of the URL, for those who may ask for it. */
export async function answerPurge(
  engine: CacheEngine,
  req: Request,
  res: Response,
  next: NextFunction,
): Promise<void> {
  const { cacheStatus: name } = engine.options;
  if (name !== false) res.appendHeader('Cache-Status', ownCacheStatus('purge', name));
  try {
    const url = urlOf(req);
    if (url === undefined) {
      failWith(new ProxyError('ERR_SEKISHO_BAD_HOST'), req, next);
      return;
    }
    if ((await engine.options.purge?.(req)) !== true) {
      failWith(new ProxyError('ERR_SEKISHO_PURGE_DENIED'), req, next);
      return;
    }
    res.json({ purged: await engine.purge(url) });
  } catch (error) {
    failWith(error, req, next);
  }
}
