import type { Duplex } from 'node:stream';
import { clock } from '../clock.ts';

/** Nobody may make us keep more than this of what it says before anything becomes of it. */
const mostBytes = 32_768;

/** What somebody has said first. */
export interface FirstWords<Decision> {
  /** Undefined when there is none. */
  readonly decision: Decision | undefined;
  /** Why there is none: too little in time, too much, or the socket has ended. */
  readonly lacks: 'time' | 'room' | 'end' | undefined;
  /** All that has been read; it is the reader's to hand on. */
  readonly bytes: Buffer;
}

/**
 * Reads what comes from a socket until that is enough to decide, and pauses it there.
 *
 * @param head what has been read already
 */
export function readFirst<Decision>(
  socket: Duplex,
  head: Buffer,
  {
    within,
    decide,
  }: {
    /** Milliseconds; 0 for as long as it takes. */
    readonly within: number;
    /** Undefined means: more. */
    readonly decide: (bytes: Buffer) => Decision | undefined;
  },
): Promise<FirstWords<Decision>> {
  const early = head.length === 0 ? undefined : decide(head);
  if (early !== undefined)
    return Promise.resolve({ decision: early, lacks: undefined, bytes: head });
  return new Promise((resolve) => {
    let bytes = head;
    const end = (decision: Decision | undefined, lacks?: 'time' | 'room' | 'end'): void => {
      cancel?.();
      socket.off('data', read).off('end', leave).off('close', leave).pause();
      resolve({ decision, lacks, bytes });
    };
    const read = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const decision = decide(bytes);
      if (decision !== undefined) end(decision);
      else if (bytes.length > mostBytes) end(undefined, 'room');
    };
    const leave = (): void => {
      end(undefined, 'end');
    };
    const cancel =
      within === 0
        ? undefined
        : clock.after(within, () => {
            end(undefined, 'time');
          });
    socket.on('data', read).on('end', leave).on('close', leave);
    if (socket.destroyed || socket.readableEnded) leave();
    else socket.resume();
  });
}
