/** Servers with TLS and their clients, for tests. */
import { once } from 'node:events';
import {
  connect as connectHttp2,
  type ClientHttp2Session,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { TestContext } from 'node:test';
import type { Express } from 'express';
import { serve, type ServeOptions, type Serving } from '../../lib/core/server/serve.ts';
import { createAuthority, type Authority, type Certificate } from './certificates.ts';

export interface TlsServing extends Serving {
  readonly port: number;
  readonly ca: string;
}

let authority: Promise<{ ca: Authority; local: Certificate }> | undefined;

/** One authority for all tests of a file, and its certificate for this machine. */
export function localAuthority(): Promise<{ ca: Authority; local: Certificate }> {
  return (authority ??= createAuthority().then(async (ca) => ({
    ca,
    local: await ca.issue('localhost', '127.0.0.1', '::1'),
  })));
}

export async function serveTls(
  t: TestContext,
  app: Express,
  { tls, ...options }: Omit<ServeOptions, 'tls'> & { tls?: Partial<ServeOptions['tls']> } = {},
): Promise<TlsServing> {
  const { ca, local } = await localAuthority();
  const serving = await serve(app, {
    host: '127.0.0.1',
    gracePeriod: 0,
    ...options,
    tls: { ...local, ...tls },
  });
  t.after(() => serving.close());
  return { ...serving, port: Number(new URL(serving.url).port), ca: ca.cert };
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  readonly trailers: Record<string, string | string[] | undefined>;
  readonly interim: Record<string, unknown>[];
  /** Set when the stream was reset: the answer is not whole. */
  readonly reset: number;
}

/** An HTTP/2 connection to the server. */
export function http2Client(t: TestContext, { url, ca }: TlsServing): ClientHttp2Session {
  const session = connectHttp2(url, { ca });
  session.on('error', () => undefined);
  t.after(() => session.destroy());
  return session;
}

export async function ask2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders | string,
  body?: string | Buffer,
): Promise<Http2Answer> {
  const asked = typeof headers === 'string' ? { ':path': headers } : headers;
  const stream = session.request(asked, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return answerOf(stream);
}

export async function answerOf(
  stream: ReturnType<ClientHttp2Session['request']>,
): Promise<Http2Answer> {
  const chunks: Buffer[] = [];
  const interim: Record<string, unknown>[] = [];
  let headers: Record<string, string | string[] | undefined> = {};
  let trailers: Record<string, string | string[] | undefined> = {};
  stream
    .on('error', () => undefined)
    .on('headers', (fields) => interim.push(fields))
    .on('response', (fields) => (headers = fields as typeof headers))
    .on('trailers', (fields) => (trailers = fields as typeof trailers))
    .on('data', (chunk: Buffer) => chunks.push(chunk));
  // Not by once(): that rejects when the stream is reset, which is an answer here, too.
  if (!stream.destroyed) await new Promise((resolve) => stream.once('close', resolve));
  return {
    status: Number(headers[':status'] ?? 0),
    headers,
    text: Buffer.concat(chunks).toString(),
    trailers,
    interim,
    reset: stream.rstCode,
  };
}

/** A TLS connection after its handshake; rejects when there is none. */
export async function tlsClient(
  t: TestContext,
  port: number,
  options: ConnectionOptions,
): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ...options });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}
