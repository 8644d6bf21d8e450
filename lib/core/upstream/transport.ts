import type { Pool } from 'undici';
import { ProxyError } from '../errors.ts';
import { Http1Client } from './http1/client.ts';
import type { ConnectionTimeouts } from './http1/connection-owner.ts';
import { failure } from './http1/failure.ts';
import { InvalidRequestError } from './http1/request-head.ts';
import { bodyOf } from './http1/body.ts';
import { Http2Body } from './http2-body.ts';
import { Http2Handler } from './http2-handler.ts';
import { serverName, type Transport } from './server.ts';
import type { TlsOptions } from './tls-options.ts';
import { undici } from './undici.ts';

export interface TransportOptions {
  /** Milliseconds. */
  readonly timeouts: ConnectionTimeouts;
  readonly tls?: TlsOptions | undefined;
  /** Speak HTTP/2 where an `https:` server offers it. */
  readonly http2?: boolean | undefined;
}

/** What carries requests to this server: our own HTTP/1.1 client, or undici where HTTP/2 is wanted. */
export function openTransport(url: URL, options: TransportOptions): Transport {
  if (options.http2 === true && url.protocol === 'https:') return new Http2Transport(url, options);
  return new Http1Client(url, options);
}

/** undici's pool, which negotiates HTTP/2 by ALPN and falls back to HTTP/1.1. */
class Http2Transport implements Transport {
  readonly #server: string;
  readonly #pool: Pool;
  /** WebSockets start in HTTP/1.1: servers that take them over HTTP/2 (RFC 8441) are rare. */
  readonly #upgrades: Http1Client;

  constructor(url: URL, { timeouts, tls }: TransportOptions) {
    this.#server = serverName(url);
    this.#upgrades = new Http1Client(url, { timeouts, tls });
    this.#pool = new (undici().Pool)(url.origin, {
      allowH2: true,
      headersTimeout: timeouts.headers,
      bodyTimeout: timeouts.idle,
      connect: { ...tls, timeout: timeouts.connect } as NonNullable<Pool.Options['connect']>,
    });
  }

  dispatch: Transport['dispatch'] = (options, handler) => {
    if (typeof options.upgrade === 'string') return this.#upgrades.dispatch(options, handler);
    const given = bodyOf(options.body);
    const body = given === undefined || Buffer.isBuffer(given) ? given : new Http2Body(given);
    return this.#pool.dispatch(
      { ...options, body: body ?? null },
      new Http2Handler(handler, this.#server, body instanceof Http2Body ? body : undefined),
    );
  };

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#upgrades.close()]);
  }

  destroy(): void {
    this.#upgrades.destroy();
    // Requests in flight hear of it through their handlers.
    this.#pool.destroy().catch(() => undefined);
  }
}

const undiciCodes: Readonly<Record<string, ConstructorParameters<typeof ProxyError>[0]>> = {
  UND_ERR_CONNECT_TIMEOUT: 'ERR_SEKISHO_CONNECT_TIMEOUT',
  UND_ERR_HEADERS_TIMEOUT: 'ERR_SEKISHO_HEADERS_TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'ERR_SEKISHO_IDLE_TIMEOUT',
  UND_ERR_RESPONSE: 'ERR_SEKISHO_UPSTREAM_PROTOCOL',
};

/** Names any transport's failure in the words of the error table. */
export function transportFailure(error: unknown, url: URL, answering: boolean): ProxyError {
  if (error instanceof ProxyError) return error;
  const server = serverName(url);
  // Nobody but a hook or a wrapper can have put such a thing into a request.
  if (error instanceof InvalidRequestError)
    return new ProxyError('ERR_SEKISHO_HOOK', { server, cause: error, detail: error.message });
  const { code = '', name = '' } = error as { code?: string; name?: string };
  const known = name === 'HTTPParserError' ? 'ERR_SEKISHO_UPSTREAM_PROTOCOL' : undiciCodes[code];
  if (known !== undefined) return new ProxyError(known, { server, cause: error, detail: code });
  const connecting =
    /^(?:ECONNREFUSED|ENOTFOUND|EAI_|EHOST|ENET|ERR_TLS|ERR_SSL|CERT_|UNABLE|SELF_|DEPTH_)/;
  return failure(error, { server, connecting: connecting.test(code), answering });
}
