import type { Request } from 'express';
import { ProxyError } from '../core/errors.ts';
import { parseHost } from '../core/http/host.ts';

export interface Destination {
  readonly host: string | undefined;
  readonly hosts: readonly string[] | undefined;
  /** `:8443`, or empty for 443. */
  readonly portSuffix: string;
}

const absoluteForm = /^https?:\/\/([^/?#]*)(.*)$/is;

/** The https URL of this request, its path and query byte for byte; or why the request does not say clearly what it is for. */
export function secureLocation(
  req: Request,
  { host, hosts, portSuffix }: Destination,
): string | ProxyError {
  const target = splitTarget(req.originalUrl);
  if (target === undefined)
    return new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail: 'no path to redirect to' });
  // With a pinned host and no list of hosts it does not matter what the client asked for.
  if (host !== undefined && hosts === undefined)
    return `https://${host}${portSuffix}${target.path}`;

  const asked = hostOf(req, target.authority);
  if (asked === undefined) return new ProxyError('ERR_SEKISHO_BAD_HOST');
  if (hosts !== undefined && !isListed(asked, hosts))
    return new ProxyError('ERR_SEKISHO_BAD_HOST', { detail: `host ${asked} is not listed` });
  return `https://${host ?? asked}${portSuffix}${target.path}`;
}

function splitTarget(target: string): { authority?: string; path: string } | undefined {
  if (target.startsWith('/')) return { path: target };
  const [, authority, rest] = absoluteForm.exec(target) ?? [];
  // CONNECT and OPTIONS * have no path that could be asked for elsewhere.
  if (authority === undefined || rest === undefined) return undefined;
  return { authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

/** `req.host` is X-Forwarded-Host if Express' `trust proxy` trusts the peer, else Host. */
function hostOf(req: Request, authority: string | undefined): string | undefined {
  const fields = req.headersDistinct.host ?? [];
  if (fields.length > 1) return undefined;
  // RFC 9112 §3.2.2: the two are the same, or somebody is being deceived.
  if (authority !== undefined && hostnameOf(authority) !== hostnameOf(fields[0])) return undefined;
  return hostnameOf(req.host);
}

function hostnameOf(value = ''): string | undefined {
  return parseHost(value)?.hostname;
}

function isListed(host: string, list: readonly string[]): boolean {
  return list.some((entry) =>
    entry.startsWith('*.') ? host.endsWith(entry.slice(1)) : host === entry,
  );
}
