import type { RequestListener, Server, ServerOptions } from 'node:http';
import { createServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { Certificates } from './certificates.ts';
import { Http2Door } from './http2-door.ts';
import type { Http2Limits } from './http2-session.ts';
import type { ParsedTls } from './tls-options.ts';

/** A server with TLS and what looks after it. */
export interface TlsServer {
  readonly server: Server;
  readonly certificates: Certificates;
  readonly http2: Http2Door | undefined;
}

/**
 * Makes an https server that takes its certificates from files that may change, and speaks HTTP/2 with
 * those who can.
 *
 * @param app what requests go to
 * @param shape the app whose prototypes they are born with
 * @throws {OptionsError} when a certificate or key cannot be used
 */
export function createTlsServer(
  app: RequestListener,
  shape: RequestListener,
  {
    tls,
    http2,
    handshakeTimeout,
    limits,
    http,
  }: {
    readonly tls: ParsedTls;
    readonly http2: boolean;
    readonly handshakeTimeout: number;
    readonly limits: Http2Limits;
    readonly http: ServerOptions;
  },
): TlsServer {
  const certificates = new Certificates(tls, () => {
    server.setSecureContext(certificates.options());
  });
  const tlsOptions: TlsOptions = {
    ...certificates.options(),
    SNICallback: certificates.choose,
    ALPNProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
    handshakeTimeout,
    requestCert: tls.clientCertificates !== undefined,
    rejectUnauthorized: tls.clientCertificates?.required ?? false,
  };
  const server = createServer({ ...http, ...tlsOptions }, app);
  return {
    server,
    certificates,
    http2: http2 ? new Http2Door(server, shape, limits) : undefined,
  };
}
