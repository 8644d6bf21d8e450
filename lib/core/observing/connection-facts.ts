import type { Request } from 'express';
import type { TlsFacts, Transaction } from '../transaction.ts';

interface SecureSocket {
  readonly encrypted?: boolean;
  /** Of an HTTP/2 stream: the TLS connection it shares. */
  readonly connection?: object;
  getProtocol?(): string | null;
  getCipher?(): { readonly name: string; readonly standardName?: string } | undefined;
}

/** They are the same for all requests of a connection. */
const known: WeakMap<object, TlsFacts> = new WeakMap();

/** Fills in protocol, scheme and encryption. */
export function connectionFacts(req: Request, record: Transaction): void {
  const socket = req.socket as unknown as SecureSocket;
  record.protocol = req.httpVersionMajor >= 2 ? String(req.httpVersionMajor) : req.httpVersion;
  record.scheme = socket.encrypted === true ? 'https' : 'http';
  if (socket.encrypted === true) record.tls = tlsOf(socket);
}

function tlsOf(socket: SecureSocket): TlsFacts | undefined {
  const connection = socket.connection ?? socket;
  const before = known.get(connection);
  if (before !== undefined) return before;
  // A socket that is gone has forgotten them.
  const version = socket.getProtocol?.();
  const cipher = socket.getCipher?.();
  if (typeof version !== 'string' || cipher === undefined) return undefined;
  const facts = { version, cipher: cipher.standardName ?? cipher.name };
  known.set(connection, facts);
  return facts;
}
