import type { Connection } from './connection.ts';
import type { Exchange } from './exchange.ts';

/** Milliseconds. */
export interface ConnectionTimeouts {
  readonly connect: number;
  readonly headers: number;
  readonly idle: number;
}

/** What a connection needs of the client it belongs to. */
export interface ConnectionOwner {
  readonly server: string;
  readonly timeouts: ConnectionTimeouts;
  /** The answer is complete and the connection can carry another request. */
  onIdle(connection: Connection): void;
  onClosed(connection: Connection): void;
  /** A kept connection turned out to be closed before anything of the answer came. @returns whether the exchange goes on elsewhere */
  onStale(exchange: Exchange): boolean;
}
