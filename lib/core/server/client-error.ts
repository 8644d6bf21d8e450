import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { lingerEnd } from '../linger.ts';
import { afterAnswers, answerOn } from './after-answers.ts';
import { refuseUnread, type ParserError } from './unread-request.ts';

/**
 * Answers what node's parser refused, and makes sure that the answer arrives: node's own default
 * destroys the socket right after writing. A `clientError` listener of the user stays in charge.
 */
export function answerClientErrors(server: Server): void {
  /** Everything that still comes on a broken connection is an error again; it has its answer. */
  const broken = new WeakSet<Duplex>();
  server.on('clientError', function answerClientError(error: ParserError, socket) {
    if (server.listenerCount('clientError') > 1) return;
    // Without a handshake there is nothing to answer in; plain HTTP on a TLS port comes here, too.
    if ((socket as { secureConnecting?: boolean }).secureConnecting === true) {
      socket.destroy();
      return;
    }
    if (!socket.writable) {
      if (!socket.writableEnded) socket.destroy();
      return;
    }
    if (broken.has(socket)) return;
    broken.add(socket);
    afterAnswers(socket, () => {
      const answer = answerOn(socket);
      // Half an answer must not look like a whole one.
      if (answer?.headersSent === true) socket.destroy();
      // What breaks is the body of a request that has been answered, and recorded: there is nothing to answer.
      else if (answer === undefined && isReadingBody(socket)) lingerEnd(socket);
      else refuseUnread(server, socket, error, answer?.req);
    });
  });
}

/** The parser is within a request. A field that Node does not document; were it to go, a broken body would be a 400 of its own. */
function isReadingBody(socket: Duplex): boolean {
  const { parser } = socket as { parser?: { readonly incoming?: IncomingMessage | null } | null };
  return parser?.incoming?.complete === false;
}
