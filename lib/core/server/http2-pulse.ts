import type { ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { clock } from '../clock.ts';
import { unsentOf } from './connections.ts';

/** How long nothing may come from a client that waits for answers until it is asked, and then again (milliseconds). */
const patience = 60_000;

/**
 * Finds sessions that will never give their requests back. Either the client is gone, or takes nothing; or it broke the
 * protocol, and Node (before 22.23, 24.17 and 26.1) has told nobody that the session reads nothing more. In all of
 * these a PING is not answered, as it must be (RFC 9113 §6.7).
 */
export class Http2Pulse {
  readonly #session: ServerHttp2Session;
  readonly #connection: TLSSocket;
  /** When the client was last known to live. */
  #since: number = clock.monotonic();
  #read = 0;
  #unsent = 0;
  #asked = false;

  constructor(session: ServerHttp2Session, connection: TLSSocket) {
    this.#session = session;
    this.#connection = connection;
  }

  /**
   * Whether it has stopped. Of use when called every few seconds.
   *
   * @param busy there are requests in flight; without, the limit for idle connections is shorter
   */
  stopped(busy: boolean): boolean {
    if (this.#session.destroyed) return false;
    const now = clock.monotonic();
    const { bytesRead } = this.#connection;
    const unsent = unsentOf(this.#connection);
    const lives = !busy || bytesRead !== this.#read || unsent < this.#unsent;
    this.#read = bytesRead;
    this.#unsent = unsent;
    if (lives) {
      this.#since = now;
      this.#asked = false;
    }
    if (now - this.#since < patience) return false;
    if (this.#asked) return true;
    // After GOAWAY node sends none.
    this.#asked = !this.#session.closed && this.#session.ping(ignore);
    this.#since = now;
    return false;
  }
}

function ignore(): void {
  // That the answer comes shows in the bytes that have come.
}
