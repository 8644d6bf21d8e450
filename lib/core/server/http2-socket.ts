import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

type Listener = (...values: unknown[]) => void;

/**
 * What `req.socket` and `res.socket` are over HTTP/2: facts are those of the TLS connection, deeds and
 * events those of the one stream. Destroying it resets the stream and leaves its neighbours alone.
 */
export class Http2Socket {
  readonly #stream: ServerHttp2Stream;
  /** Shared by all streams of the client. */
  readonly connection: TLSSocket;
  readonly #readBody: () => void;
  readonly #resetCode: number;
  readonly encrypted = true;
  readonly connecting = false;

  /**
   * @param readBody called when somebody wants more of the request's body
   * @param resetCode what the client is told when this is destroyed (RFC 9113 §7)
   */
  constructor(
    stream: ServerHttp2Stream,
    connection: TLSSocket,
    readBody: () => void,
    resetCode: number,
  ) {
    this.#stream = stream;
    this.connection = connection;
    this.#readBody = readBody;
    this.#resetCode = resetCode;
  }

  /** As node:http's requests and responses are typed. */
  asSocket(): Socket {
    return this as unknown as Socket;
  }

  get remoteAddress(): string | undefined {
    return this.connection.remoteAddress;
  }
  get remotePort(): number | undefined {
    return this.connection.remotePort;
  }
  get remoteFamily(): string | undefined {
    return this.connection.remoteFamily;
  }
  get localAddress(): string | undefined {
    return this.connection.localAddress;
  }
  get localPort(): number | undefined {
    return this.connection.localPort;
  }
  get localFamily(): string | undefined {
    return this.connection.localFamily;
  }
  get bytesRead(): number {
    return this.connection.bytesRead;
  }
  get bytesWritten(): number {
    return this.connection.bytesWritten;
  }
  get alpnProtocol(): string | false | null {
    return this.connection.alpnProtocol;
  }
  get servername(): unknown {
    return (this.connection as { servername?: unknown }).servername;
  }
  get authorized(): boolean {
    return this.connection.authorized;
  }
  get authorizationError(): Error {
    return this.connection.authorizationError;
  }
  get server(): unknown {
    return (this.connection as { server?: unknown }).server;
  }

  /** As with node:http a body that has come to its end leaves the connection readable: body parsers ask. */
  get readable(): boolean {
    return !this.destroyed;
  }
  get writable(): boolean {
    // Node ends the stream of a HEAD request before there is an answer: that says nothing here.
    return !this.destroyed;
  }
  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }
  get readableHighWaterMark(): number {
    return this.#stream.readableHighWaterMark;
  }
  get writableHighWaterMark(): number {
    return this.#stream.writableHighWaterMark;
  }
  get writableLength(): number {
    return this.#stream.writableFinished ? 0 : this.#stream.writableLength;
  }
  get timeout(): number | undefined {
    return undefined;
  }

  address(): unknown {
    return this.connection.address();
  }
  getPeerCertificate(detailed?: boolean): unknown {
    return this.connection.getPeerCertificate(detailed as true);
  }
  getPeerX509Certificate(): unknown {
    return this.connection.getPeerX509Certificate();
  }
  getCipher(): unknown {
    return this.connection.getCipher();
  }
  getProtocol(): string | null {
    return this.connection.getProtocol();
  }
  getSession(): Buffer | undefined {
    return this.connection.getSession();
  }
  isSessionReused(): boolean {
    return this.connection.isSessionReused();
  }

  destroy(): this {
    if (!this.destroyed) this.#stream.close(this.#resetCode);
    return this;
  }
  resetAndDestroy(): this {
    return this.destroy();
  }
  destroySoon(): void {
    this.#stream.end();
  }
  resume(): this {
    this.#readBody();
    return this;
  }
  pause(): this {
    this.#stream.pause();
    return this;
  }
  setTimeout(milliseconds: number, callback?: () => void): this {
    if (!this.destroyed) this.#stream.setTimeout(milliseconds, callback);
    return this;
  }

  // Of the connection, which is shared: one request has no say in these.
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  cork(): void {
    // Node gathers the frames of a turn by itself.
  }
  uncork(): void {
    // See cork.
  }

  on(event: string, listener: Listener): this {
    this.#stream.on(event, listener);
    return this;
  }
  addListener(event: string, listener: Listener): this {
    return this.on(event, listener);
  }
  prependListener(event: string, listener: Listener): this {
    this.#stream.prependListener(event, listener);
    return this;
  }
  once(event: string, listener: Listener): this {
    this.#stream.once(event, listener);
    return this;
  }
  off(event: string, listener: Listener): this {
    return this.removeListener(event, listener);
  }
  removeListener(event: string, listener: Listener): this {
    this.#stream.removeListener(event, listener);
    return this;
  }
  listeners(event: string): unknown[] {
    return this.#stream.listeners(event);
  }
  listenerCount(event: string): number {
    return this.#stream.listenerCount(event);
  }
  emit(event: string, ...values: unknown[]): boolean {
    return this.#stream.emit(event, ...values);
  }
}
