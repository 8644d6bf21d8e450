import { clock } from '../core/clock.ts';
import type { Visit } from './visit.ts';

/** The longest time one process keeps the others from fetching the same (milliseconds). */
const lockTime = 10_000;
/** How often a waiting process looks, and how often at most. */
const pause = 50;
const mostLooks = 100;

/**
 * Where processes share a store, one of them fetches. Waits until this one may, or until the other has the answer.
 *
 * @param waits false asks once only
 * @returns undefined when another process has it in hand, or has had
 */
export async function otherProcess(
  visit: Visit,
  waits = false,
): Promise<{ release: () => void } | undefined> {
  const { records } = visit.engine;
  for (let look = 0; look < mostLooks; look += 1) {
    const release = await records.lock(`fetch ${visit.at}`, lockTime);
    // The other one may have been done with it between our last look and the lock.
    const record = await records.get(visit.at);
    // What was there before was of no use: only what has come since is news.
    if (record?.kind === 'vary' || (record?.validity.received ?? 0) > visit.seen) {
      release?.();
      return undefined;
    }
    if (release !== undefined) return { release };
    if (!waits) return undefined;
    await new Promise<void>((resolve) => clock.after(pause, resolve));
  }
  return { release: () => undefined };
}
