import { clock } from './clock.ts';
import { publish } from './events.ts';

/** The same warning comes at most once in this time (milliseconds). */
const quiet = 60_000;
/** More different warnings than this are not remembered: the oldest is forgotten. */
const remembered = 200;
const last = new Map<string, number>();

/**
 * Tells the operator of something that went on without anybody's request failing for it: a list file that could not
 * be read again, a Redis that is gone. Node prints it (`SekishoWarning`, `process.on('warning')`), the channel
 * `sekisho:warning` has it too. The same code and message come at most once a minute.
 *
 * @param code the kind of warning, `SEKISHO_…`, which docs explain
 * @param message says what happened, where, and what goes on now; no secret in it
 */
export function warn(code: `SEKISHO_${string}`, message: string, cause?: unknown): void {
  const key = `${code} ${message}`;
  const now = clock.monotonic();
  const before = last.get(key);
  if (before !== undefined && now - before < quiet) return;
  last.delete(key);
  last.set(key, now);
  if (last.size > remembered) last.delete(last.keys().next().value as string);
  publish('sekisho:warning', { code, message, ...(cause === undefined ? {} : { cause }) });
  process.emitWarning(message, { type: 'SekishoWarning', code });
}
