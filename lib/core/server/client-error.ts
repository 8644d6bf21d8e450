import { STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Transaction } from '../transaction.ts';
import { lingerEnd } from './linger.ts';

const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * Answers what node's parser refused, and makes sure that the answer arrives: node's own default
 * destroys the socket right after writing. A `clientError` listener of the user stays in charge.
 */
export function answerClientErrors(server: Server): void {
  server.on('clientError', function answerClientError(error: NodeJS.ErrnoException, socket) {
    if (server.listenerCount('clientError') > 1) return;
    // Without a handshake there is nothing to answer in; plain HTTP on a TLS port comes here, too.
    if ((socket as { secureConnecting?: boolean }).secureConnecting === true) {
      socket.destroy();
      return;
    }
    // Everything that still comes on a broken connection is an error again; it has its answer.
    if (socket.writableEnded) return;
    if (!socket.writable || answerOn(socket)?.headersSent === true) {
      socket.destroy();
      return;
    }
    const status = statuses[error.code ?? ''] ?? 400;
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    record(status, (socket as Partial<Socket>).remoteAddress);
    lingerEnd(socket);
  });
}

/** There is no request to tell of, but somebody who has asked, and was answered. */
function record(status: number, client: string | undefined): void {
  const transaction = new Transaction('', '');
  transaction.client = client;
  transaction.status = status;
  transaction.error = status === 408 ? 'ERR_SEKISHO_CLIENT_TIMEOUT' : 'ERR_SEKISHO_BAD_REQUEST';
  transaction.end('refused');
}

/**
 * The answer in progress on a connection. Node keeps it in a field that it does not document; were
 * that to go, callers see no answer, which costs them some grace and no correctness.
 */
export function answerOn(socket: Duplex): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}
