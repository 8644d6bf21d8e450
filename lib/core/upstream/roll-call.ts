import { channel } from 'node:diagnostics_channel';
import type { Pool } from './pool.ts';

/** Who asks publishes an empty list, and every pool of the process puts itself in. */
const rollCall = channel('sekisho:roll-call');

/** A pool that nobody holds any more need not have been closed. */
const forgotten = new FinalizationRegistry<(present: unknown) => void>((answer) =>
  rollCall.unsubscribe(answer),
);

/**
 * Lets a pool be found by those who watch the process (the dashboard); it is not kept alive for that.
 *
 * @returns to be called when the pool closes
 */
export function answerRollCall(pool: Pool): () => void {
  const held = new WeakRef(pool);
  const answer = (present: unknown): void => {
    const self = held.deref();
    if (self !== undefined) (present as Pool[]).push(self);
  };
  rollCall.subscribe(answer);
  forgotten.register(pool, answer);
  return () => {
    rollCall.unsubscribe(answer);
  };
}

/** All pools of the process that are open, in the order they were made. */
export function callRoll(): readonly Pool[] {
  const present: Pool[] = [];
  rollCall.publish(present);
  return present;
}
