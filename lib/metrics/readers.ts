import type { Request } from 'express';
import ipaddr from 'ipaddr.js';
import { contextOf } from '../core/context.ts';
import { trustsPeer } from '../core/trusted-peer.ts';

/** Ranges that the Internet does not route, as ipaddr.js calls them. */
const near: ReadonlySet<string> = new Set(['loopback', 'private', 'uniqueLocal', 'linkLocal']);

/** Fields of a proxy in front: without `trust proxy` nobody knows whom it speaks for. */
const proxyFields = ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'];

/**
 * Whether this client may read metrics without more ado: some gate has let it pass, or it is on this machine or network
 * and has come by itself.
 */
export function mayRead(req: Request): boolean {
  if (contextOf(req).admitted) return true;
  if (trustsPeer(req)) return isNear(req.ip);
  return !proxyFields.some((name) => name in req.headers) && isNear(req.socket.remoteAddress);
}

function isNear(address: string | undefined): boolean {
  if (address === undefined) return false;
  try {
    const { [0]: plain = '' } = address.split('%', 1);
    return near.has(ipaddr.process(plain).range());
  } catch {
    return false;
  }
}
