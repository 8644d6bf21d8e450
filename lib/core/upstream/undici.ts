import { createRequire } from 'node:module';
import type * as Undici from 'undici';

const require = createRequire(import.meta.url);

/**
 * undici, loaded when it is first needed. It takes three megabytes of heap, which every full garbage collection has
 * to look through: a gateway whose upstreams speak HTTP/1.1 does without.
 */
export function undici(): typeof Undici {
  return require('undici') as typeof Undici;
}
