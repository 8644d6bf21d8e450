import type { Request } from 'express';
import { ProxyError } from '../core/errors.ts';
import { parseHost } from '../core/http/host.ts';
import { warn } from '../core/warn.ts';

/** The origin as the user's browser has it. */
export interface Site {
  readonly origin: string;
  /** Cookies are for https alone. */
  readonly secure: boolean;
  /** Cookies may be set and are believed: over https, and for development on this machine. */
  readonly fit: boolean;
}

/** This machine, by any of its names; what is sent there stays there. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}

/** @returns how to tell the site of a request */
export function siteOf(baseUrl: string | undefined): (req: Request) => Site {
  if (baseUrl !== undefined) {
    const fixed = { origin: baseUrl, secure: baseUrl.startsWith('https:'), fit: true };
    return () => fixed;
  }
  return (req) => {
    const { protocol, host } = req as { protocol: string; host: string | undefined };
    const secure = protocol === 'https';
    const hostname = secure ? '' : (parseHost(host ?? '')?.hostname ?? '');
    return { origin: `${protocol}://${host ?? ''}`, secure, fit: secure || isLoopback(hostname) };
  };
}

/** @throws {ProxyError} when nobody can log in at such a site */
export function checkSite(site: Site): void {
  if (parseHost(site.origin.slice(site.origin.indexOf('//') + 2)) === undefined)
    throw new ProxyError('ERR_SEKISHO_BAD_HOST', { detail: 'login needs a Host to come back to' });
  if (site.fit) return;
  const detail =
    "a login without TLS is refused; use https, or set Express' 'trust proxy' or oidc.baseUrl where TLS ends before this server";
  warn('SEKISHO_OIDC', `authGate: ${detail}`);
  throw new ProxyError('ERR_SEKISHO_AUTH_UNAVAILABLE', { detail });
}
