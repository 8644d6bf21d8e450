import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Request, Response } from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { contextOf } from '../context.ts';
import { endUnobserved, isUnobserved } from '../observing.ts';

/** Whether the requests of this app shall have records. */
type AppTest = (app: object) => boolean;

const wanted = new Set<AppTest>();

/** Node publishes here what its servers hand to their apps: nothing has to be mounted to see it. */
const requestStart = 'http.server.request.start';

/**
 * Sees to it that every request of the apps asked for has a record that ends, also where no observer is mounted and no
 * forwarder carries it.
 *
 * @returns ends that
 */
export function recordEvery(isOurs: AppTest): () => void {
  if (wanted.size === 0) subscribe(requestStart, onStart);
  wanted.add(isOurs);
  return () => {
    if (wanted.delete(isOurs) && wanted.size === 0) unsubscribe(requestStart, onStart);
  };
}

/** Node does not publish those that the door hands on by itself: upgrades, tunnels and HTTP/2. */
export function noteRequest(req: IncomingMessage, res: ServerResponse): void {
  if (wanted.size === 0) return;
  // Its time begins.
  contextOf(req);
  // Nothing that the app begins now is over before then, and what it hands to a forwarder at once needs no listener.
  process.nextTick(listen, res);
}

function onStart(message: unknown): void {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
  noteRequest(request, response);
}

function listen(res: ServerResponse): void {
  if (isUnobserved(contextOf(res.req).transaction)) res.on('close', onClose);
}

/** Later than all that wait for the same event: who carried the request knows more of its end. */
function onClose(this: ServerResponse): void {
  if (isUnobserved(contextOf(this.req).transaction)) process.nextTick(settle, this);
}

function settle(res: Response): void {
  const { req } = res;
  const { app } = req as Partial<Request>;
  if (app !== undefined && [...wanted].some((isOurs) => isOurs(app))) endUnobserved(req, res);
}
