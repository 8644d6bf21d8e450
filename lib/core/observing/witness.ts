import type { Request, RequestHandler, Response } from 'express';
import { warn } from '../warn.ts';

/** What an observer does about a request that the server answers before the app sees it: it calls `observe`. */
export type Witness = (req: Request, res: Response) => void;

const witnesses: WeakMap<object, Witness> = new WeakMap();

/** Where this handler is mounted, requests are shown to it, too, that the server refuses by itself. */
export function seesRefused<Handler extends RequestHandler>(
  handler: Handler,
  see: Witness,
): Handler {
  witnesses.set(handler, see);
  return handler;
}

/**
 * Shows a refused request to the observers of an app: those that are mounted in it for all paths, or in a router that is.
 * Where else it would have gone nobody knows.
 */
export function tellWitnesses(app: object, req: Request, res: Response): void {
  const { router } = app as { readonly router?: { readonly stack?: readonly Layer[] } };
  for (const see of witnessesIn(router?.stack, 0))
    try {
      see(req, res);
    } catch (cause) {
      warn('SEKISHO_OBSERVER', 'an observer failed; the request is not in its books', cause);
    }
}

/** As much of a router's layer as has to be known. */
interface Layer {
  /** Mounted at `/`. */
  readonly slash?: boolean;
  readonly handle?: unknown;
}

/** Routers in routers. */
const deepest = 8;

function* witnessesIn(layers: readonly Layer[] = [], depth: number): Generator<Witness> {
  for (const { slash, handle } of layers) {
    if (slash !== true || typeof handle !== 'function') continue;
    const witness = witnesses.get(handle);
    if (witness !== undefined) yield witness;
    else if (depth < deepest)
      yield* witnessesIn((handle as { readonly stack?: readonly Layer[] }).stack, depth + 1);
  }
}
