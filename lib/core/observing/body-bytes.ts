import type { IncomingMessage, ServerResponse } from 'node:http';

/** What had gone over the client's connection before this exchange. */
export class BytesBefore {
  readonly #written: number;
  readonly #read: number;
  /** Behind a pipelined request: what goes over the connection meanwhile belongs to that one. */
  readonly #pipelined: boolean;

  constructor({ req, socket }: ServerResponse) {
    this.#pipelined = socket === null;
    this.#written = req.socket.bytesWritten;
    this.#read = req.socket.bytesRead;
  }

  writtenSince({ socket }: IncomingMessage): number {
    return this.#pipelined ? 0 : atLeastZero(socket.bytesWritten - this.#written);
  }

  readSince({ socket }: IncomingMessage): number {
    return atLeastZero(socket.bytesRead - this.#read);
  }
}

/**
 * The bytes of a body that a handler of the app has written. Its length, when that was stated and all was sent; else what
 * went over the connection behind the head, with the framing of chunks, as nginx counts `$body_bytes_sent`.
 */
export function bodyBytesOf(
  req: IncomingMessage,
  res: ServerResponse,
  before: BytesBefore,
): number {
  const { bodyBytes } = res as { bodyBytes?: number };
  if (bodyBytes !== undefined) return bodyBytes;
  const { _contentLength: stated, _header: head, _hasBody: has } = res as ResponseInternals;
  if (has === false) return 0;
  if (res.writableFinished && typeof stated === 'number') return stated;
  const headBytes = typeof head === 'string' ? head.length : 0;
  return atLeastZero(before.writtenSince(req) - headBytes);
}

/** Fields of Node's that it does not document; without them the count is that of the connection. */
interface ResponseInternals {
  _contentLength?: number | null;
  _header?: string | null;
  _hasBody?: boolean;
}

/** A connection that is gone may not know any more. */
function atLeastZero(bytes: number): number {
  return bytes > 0 ? bytes : 0;
}
