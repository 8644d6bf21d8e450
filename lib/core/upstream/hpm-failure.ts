import { ProxyError, type ErrorCode } from '../errors.ts';
import type { Server } from './server.ts';

const codes: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'ERR_SEKISHO_CONNECT_REFUSED',
  EHOSTUNREACH: 'ERR_SEKISHO_CONNECT_REFUSED',
  ENETUNREACH: 'ERR_SEKISHO_CONNECT_REFUSED',
  ENOENT: 'ERR_SEKISHO_CONNECT_REFUSED',
  ETIMEDOUT: 'ERR_SEKISHO_CONNECT_TIMEOUT',
  ENOTFOUND: 'ERR_SEKISHO_DNS',
  EAI_AGAIN: 'ERR_SEKISHO_DNS',
  ECONNRESET: 'ERR_SEKISHO_UPSTREAM_RESET',
  EPIPE: 'ERR_SEKISHO_UPSTREAM_RESET',
};

/** An error of node:http, as http-proxy-middleware hands it on, in the words of this project. */
export function hpmFailure(
  error: Error & { code?: string },
  server: Server,
  timedOut: boolean,
): ProxyError {
  const { code = '' } = error;
  const init = { server: server.name, cause: error };
  if (timedOut) return new ProxyError('ERR_SEKISHO_HEADERS_TIMEOUT', init);
  if (code.startsWith('HPE_')) return new ProxyError('ERR_SEKISHO_UPSTREAM_PROTOCOL', init);
  if (/CERT|TLS|SSL|SIGNED|SIGNATURE/.test(code)) return new ProxyError('ERR_SEKISHO_TLS', init);
  // Anything else is as likely ours as the server's: it is no evidence against it.
  return new ProxyError(codes[code] ?? 'ERR_SEKISHO_TARGET', init);
}
