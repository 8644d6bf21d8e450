import type { Request, Response } from 'express';
import { contextOf } from '../core/context.ts';
import { trustsPeer } from '../core/trusted-peer.ts';

export interface RequestIdOptions {
  /**
   * Take the id of a request from its `X-Request-Id`, when it is up to 128 letters, digits or `._:+/=@-` and Express'
   * `trust proxy` trusts the peer. @default true
   */
  readonly accept?: boolean;
  /** Tell it the client in `X-Request-Id`. @default false */
  readonly respond?: boolean;
  /** Tell it the servers behind, in place of what the client says. @default false */
  readonly forward?: boolean;
}

const form = /^[\w.:+/=@-]{1,128}$/;

/** Settles the id of a request before anybody asks for it. */
export function settleId(
  req: Request,
  res: Response,
  { accept, respond, forward }: Required<RequestIdOptions>,
): void {
  if (!accept && !respond && !forward) return;
  const context = contextOf(req);
  if (accept && trustsPeer(req)) {
    const id = req.get('x-request-id');
    if (id !== undefined && form.test(id)) context.transaction.adopt(id);
  }
  if (respond && !res.headersSent) res.setHeader('X-Request-Id', context.id);
  if (forward) context.told = [...(context.told ?? []), 'X-Request-Id', context.id];
}
