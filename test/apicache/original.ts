/** The real apicache, which has no types, seen through ours. */
import { createRequire } from 'node:module';
import type { Apicache } from '../../lib/apicache/index.ts';

// It has two timers per entry, some of which nothing ends: they must not keep the test alive for five minutes.
const native = globalThis.setTimeout;
globalThis.setTimeout = ((...call: Parameters<typeof native>) => {
  const timer = native(...call);
  return Number(call[1]) > 60_000 ? timer.unref() : timer;
}) as typeof native;

export const original = createRequire(import.meta.url)('apicache') as Apicache;
