/** The real apicache, which has no types, seen through ours. */
import { createRequire } from 'node:module';
import type { Apicache } from '../../lib/apicache/index.ts';

export const original = createRequire(import.meta.url)('apicache') as Apicache;
