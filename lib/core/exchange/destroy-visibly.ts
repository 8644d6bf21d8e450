import type { Response } from 'express';

/** Ends the client's connection so that nobody takes what it got for the whole. */
export function destroyVisibly(res: Response, destroy: () => void): void {
  const { socket } = res;
  // Without length and chunks the end of the connection is the end of the answer: only a reset is none.
  const untilClose = !res.chunkedEncoding && !res.hasHeader('content-length');
  if (untilClose && socket !== null && !('encrypted' in socket)) socket.resetAndDestroy();
  destroy();
}
