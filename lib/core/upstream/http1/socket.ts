import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';

/** TLS towards a server. */
export interface UpstreamTls {
  /** Certificate authorities trusted in place of the system's: PEM. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined;
  /** Client certificate chain: PEM. */
  readonly cert?: string | Buffer | undefined;
  /** Key of the client certificate: PEM. */
  readonly key?: string | Buffer | undefined;
  /** Name in SNI and in the certificate. @default the host of the URL */
  readonly servername?: string | undefined;
  /** Verify the certificate. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
}

/**
 * Opens sockets to one server: TCP, TLS (with the session of the last connection, so that later
 * ones need no full handshake) or unix.
 */
export class Dialer {
  readonly #url: URL;
  readonly #tls: UpstreamTls;
  #session: Buffer | undefined;

  constructor(url: URL, tls: UpstreamTls = {}) {
    this.#url = url;
    this.#tls = tls;
  }

  /** @param onReady called once when the socket can carry a request (for TLS: after the handshake) */
  dial(onread: OnReadOpts | undefined, onReady: () => void): Socket {
    const reading = onread === undefined ? {} : { onread };
    if (this.#url.protocol === 'unix:') {
      const path = decodeURIComponent(this.#url.pathname);
      return connectTcp({ path, ...reading }).once('connect', onReady);
    }
    const host = this.#url.hostname.replace(/^\[|\]$/g, '');
    const secure = this.#url.protocol === 'https:';
    const port = Number(this.#url.port) || (secure ? 443 : 80);
    if (!secure)
      return connectTcp({ host, port, noDelay: true, ...reading }).once('connect', onReady);
    const servername = this.#tls.servername ?? (isIP(host) === 0 ? host : undefined);
    const options: ConnectionOptions & { onread?: OnReadOpts } = {
      host,
      port,
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: this.#tls.rejectUnauthorized ?? true,
      ...(servername === undefined ? {} : { servername }),
      ...(this.#tls.ca === undefined ? {} : { ca: this.#tls.ca as string | Buffer }),
      ...(this.#tls.cert === undefined ? {} : { cert: this.#tls.cert }),
      ...(this.#tls.key === undefined ? {} : { key: this.#tls.key }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
      ...reading,
    };
    const socket: TLSSocket = connectTls(options);
    socket.setNoDelay(true);
    socket.on('session', (session: Buffer) => (this.#session = session));
    socket.once('secureConnect', onReady);
    // A session the server no longer knows or likes must not spoil the next attempt.
    socket.once('error', () => (this.#session = undefined));
    return socket;
  }
}
