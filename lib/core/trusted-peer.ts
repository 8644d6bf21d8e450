import type { Request } from 'express';

/** Express' own judgement (`trust proxy`) of the peer; without an app nobody is trusted. */
export function trustsPeer(req: Request): boolean {
  const { app } = req as { app?: Request['app'] };
  const trust = app?.get('trust proxy fn') as
    ((address: string, hop: number) => unknown) | undefined;
  return trust?.(req.socket.remoteAddress ?? '', 0) === true;
}
