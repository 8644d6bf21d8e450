import type { Request } from 'express';
import { ProxyError } from '../../errors.ts';
import { quote } from '../../options.ts';

/** A client is the same one whether a dual-stack listener shows its IPv4 address mapped or not. */
export function clientAddress(req: Request): string {
  const address = req.ip ?? req.socket.remoteAddress ?? '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/** @throws {ProxyError} ERR_SEKISHO_TARGET when the user's function throws or gives no string */
export function keyOf(hash: (req: Request) => string, req: Request): string {
  let key: unknown;
  try {
    key = hash(req);
  } catch (cause) {
    throw new ProxyError('ERR_SEKISHO_TARGET', { detail: 'balance.hash threw', cause });
  }
  if (typeof key === 'string') return key;
  // A rejection of an async function must not end the process on top of it.
  if (key instanceof Promise) key.catch(() => undefined);
  const detail = `balance.hash returned ${quote(key)}; return a string`;
  throw new ProxyError('ERR_SEKISHO_TARGET', { detail, cause: new TypeError(detail) });
}
