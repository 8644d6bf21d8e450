import type { Request } from 'express';
import { ProxyError } from '../core/errors.ts';
import { parseHost } from '../core/http/host.ts';
import { lowerName } from '../core/http/memo.ts';
import { withoutBrackets } from './host-pattern.ts';

/**
 * The host that a request to this server is for: X-Forwarded-Host where Express' `trust proxy` trusts the peer, else
 * Host. Who judges hosts must not take one when another reader could take another (RFC 9112 §3.2).
 *
 * @param authority of a target in absolute-form
 */
export function requestHost(req: Request, authority: string | undefined): string | ProxyError {
  if (hasTwoHosts(req.rawHeaders)) return badHost('two Host fields');
  const host = nameOf(req.host);
  if (host === undefined) return badHost('missing or malformed');
  if (authority !== undefined && nameOf(authority) !== nameOf(req.headers.host))
    return badHost('it is not that of the target');
  return host;
}

function nameOf(value = ''): string | undefined {
  const hostname = parseHost(value)?.hostname;
  return hostname && withoutBrackets(hostname);
}

function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (lowerName(rawHeaders[index] as string) === 'host') hosts++;
  return hosts > 1;
}

function badHost(detail: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_BAD_HOST', { detail });
}
