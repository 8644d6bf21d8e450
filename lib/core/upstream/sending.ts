import type { Request } from 'express';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { clock } from '../clock.ts';
import type { ProxyError } from '../errors.ts';
import type { Transaction } from '../transaction.ts';
import { rawFields } from './http1/request-head.ts';
import type { Pool } from './pool.ts';
import type { Server } from './server.ts';
import { transportFailure } from './transport.ts';

/** Last changes to a request for the chosen server. */
export type Prepare = (
  server: Server,
  request: Dispatcher.DispatchOptions,
  req: Request,
) => Dispatcher.DispatchOptions;

/** One attempt with one server, which counts it in flight until it is released. */
export class Sending {
  readonly server: Server;
  /** Of the transport, once it has taken the request. */
  controller: Dispatcher.DispatchController | undefined;
  readonly #pool: Pool;
  readonly #transaction: Transaction;
  readonly #sentAt: number;

  constructor(pool: Pool, server: Server, transaction: Transaction) {
    this.server = server;
    this.#pool = pool;
    this.#transaction = transaction;
    this.#sentAt = clock.monotonic();
    transaction.server = server.name;
    transaction.attempts++;
    transaction.queued ??= this.#sentAt - transaction.startedMonotonic;
  }

  /** The request as this server gets it. */
  address(
    request: Dispatcher.DispatchOptions,
    host: string | undefined,
  ): Dispatcher.DispatchOptions {
    const { server } = this;
    return {
      ...request,
      origin: server.origin,
      path: request.path === '*' ? '*' : server.base + request.path,
      headers: withHost(rawFields(request.headers), host ?? server.host),
    };
  }

  answered(status: number): void {
    const now = clock.monotonic();
    this.#transaction.firstByte = now - this.#transaction.startedMonotonic;
    const milliseconds = now - this.#sentAt;
    this.#pool.report(this.server, { kind: 'answer', status, milliseconds });
  }

  failed(cause: Error, answering: boolean): ProxyError {
    const error = transportFailure(cause, this.server.url, answering);
    this.#pool.report(this.server, { kind: 'failure', error, reused: error.reused });
    return error;
  }

  release(): void {
    this.#pool.release(this.server);
  }

  /** The server counts as busy as long as this socket is open. */
  releaseWith(socket: Duplex): void {
    if (socket.closed) this.release();
    else
      socket.once('close', () => {
        this.release();
      });
  }
}

/** A copy of the fields with this Host in front. */
function withHost(fields: readonly string[], host: string): string[] {
  const copy = fields.slice();
  // The forwarder's own fields begin with the client's Host; a wrapper may have made others.
  if (copy[0] === 'Host') copy[1] = host;
  else copy.unshift('Host', host);
  for (let index = copy.length - 2; index > 0; index -= 2)
    if (isHost(copy[index] as string)) copy.splice(index, 2);
  return copy;
}

function isHost(name: string): boolean {
  return name.length === 4 && name.toLowerCase() === 'host';
}
