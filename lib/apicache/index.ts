import { createApicache, type Apicache } from './instance.ts';

export type { CacheIndex } from './cache-index.ts';
export type { PerformanceReport } from './hit-rate.ts';
export type { Apicache, ApicacheMiddleware } from './instance.ts';
export type { ApicacheOptions, ApicacheSettings, Toggle } from './options.ts';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- how Express lets types be added to its request
  namespace Express {
    interface Request {
      /** Set by a handler: the group its answer can be cleared by. */
      apicacheGroup?: string;
    }
  }
}

function numbered(): () => number {
  let last = 0;
  return () => ++last;
}

/**
 * apicache's API on the engine of `cache()`: durations mean what they say, and an answer that may be for one user is
 * never given to another one. Everybody who imports it shares this instance, as of the original.
 *
 * @example app.get('/api/users', apicache.middleware('5 minutes'), listUsers);
 */
const apicache: Apicache = createApicache(numbered());

export default apicache;
// `require('sekisho/apicache')` is the instance itself, as `require('apicache')` is.
export { apicache, apicache as 'module.exports' };
