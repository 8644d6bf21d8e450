import { IncomingMessage, maxHeaderSize, ServerResponse, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { contextOf } from '../context.ts';
import { ProxyError } from '../errors.ts';
import { withoutUserinfo } from '../http/userinfo.ts';
import { lingerEnd } from '../linger.ts';
import { answerRefusal, statusLine } from './refusal.ts';
import { showRefused } from './show-refused.ts';

/** What node's parser says of a request that it does not take. */
export interface ParserError extends NodeJS.ErrnoException {
  /** The piece of the stream in which it gave up. */
  readonly rawPacket?: Buffer;
  /** Where in it. */
  readonly bytesParsed?: number;
}

/** A request line, or as much of one as there is. */
const requestLine = /^(?:\r?\n)*([A-Z][A-Z-]{0,31}) ([!-~]+)(?: HTTP\/\d\.\d(?=\r?\n)|$)/;
/** As much of a target as a log needs that has no end. */
const shownTarget = 2048;

/**
 * Answers a request that node's parser has refused, and has it recorded.
 *
 * @param req it was a part of this one, of which the app has seen the head and which it has not answered yet
 */
export function refuseUnread(
  server: Server,
  socket: Duplex,
  error: ParserError,
  req?: IncomingMessage,
): void {
  const unread = req ?? readAgain(socket, error);
  // Not that of the app, if there is one: its fields are those of another answer.
  const res = new ServerResponse(unread);
  const refusal = refusalFor(error, server);
  const { transaction } = contextOf(unread);
  transaction.client ??= (socket as Partial<Socket>).remoteAddress;
  if (req === undefined) showRefused(server, unread, res);
  answerRefusal(res, refusal, (body) => {
    const fields = Object.entries(res.getHeaders()).map(
      ([name, value]) => `${name}: ${String(value)}\r\n`,
    );
    socket.write(
      `${statusLine(res.statusCode)}\r\nConnection: close\r\n${fields.join('')}\r\n${body}`,
    );
    transaction.bytesSent = Buffer.byteLength(body);
  });
  transaction.status = refusal.status;
  // It may have closed its half only and read the answer, but nobody has refused it.
  const hasLeft = req !== undefined && error.code === 'HPE_INVALID_EOF_STATE';
  transaction.error = hasLeft ? 'ERR_SEKISHO_CLIENT_ABORTED' : refusal.code;
  transaction.end(hasLeft ? 'client-aborted' : 'refused');
  lingerEnd(socket);
}

function refusalFor(error: ParserError, server: Server): ProxyError {
  const detail = error.code ?? error.message;
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      // RFC 9110 §15.5.15, where it can be told.
      return isForTarget(error, (server as ServerLimits).maxHeaderSize ?? maxHeaderSize)
        ? badRequest(414, 'The target of the request is too long', detail)
        : badRequest(431, 'The fields of the request are too large', detail);
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return badRequest(413, 'The extensions of a chunk are too large', detail);
    case 'ERR_HTTP_REQUEST_TIMEOUT': {
      const message = 'The request did not arrive in time';
      return new ProxyError('ERR_SEKISHO_CLIENT_TIMEOUT', { message, detail });
    }
    default:
      return new ProxyError('ERR_SEKISHO_BAD_REQUEST', { detail });
  }
}

/** Undefined where the default holds. */
interface ServerLimits {
  readonly maxHeaderSize?: number | undefined;
}

function badRequest(status: number, message: string, detail: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_BAD_REQUEST', { status, message, detail });
}

/** Whether the first line alone is larger than a head may be. */
function isForTarget(error: ParserError, limit: number): boolean {
  const text = textOf(error);
  if (!requestLine.test(text)) return false;
  const end = text.trimStart().indexOf('\n');
  return end === -1 || end > limit;
}

const blankLine = '\r\n\r\n';

/** The refused request as far as it stands in the packet; others may stand before it. */
function textOf({ code, rawPacket, bytesParsed = 0 }: ParserError): string {
  const text = rawPacket?.toString('latin1') ?? '';
  // This is said of a head at its end, so that the last blank line is its own.
  const own = code === 'HPE_INVALID_TRANSFER_ENCODING' ? 1 : 0;
  const lastStart = bytesParsed - blankLine.length - own;
  const before = lastStart < 0 ? -1 : text.lastIndexOf(blankLine, lastStart);
  return before < 0 ? text : text.slice(before + blankLine.length);
}

/** As much of a request as a record needs, without its fields. */
function readAgain(socket: Duplex, error: ParserError): IncomingMessage {
  const [whole = '', method = '', target = ''] = requestLine.exec(textOf(error)) ?? [];
  // Typed for a net.Socket, as the server's own are that it makes for any Duplex.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  const req = new IncomingMessage(socket as Socket);
  req.method = method;
  req.url = whole.includes(' HTTP/') ? shown(target) : shown(`${target}@`);
  [req.httpVersion, req.httpVersionMajor, req.httpVersionMinor] = ['1.1', 1, 1];
  return req;
}

/** @param target with `@` at its end when there is no end: what is there may be credentials */
function shown(target: string): string {
  if (target === '@') return '';
  const masked = withoutUserinfo(target);
  return masked.length > shownTarget ? `${masked.slice(0, shownTarget)}...` : masked;
}
