import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { clock } from '../clock.ts';

/** How long nothing may move before the wait is over, and with it the connection (milliseconds). */
const patience = 120_000;

/**
 * The answer in progress on a connection. Node keeps it in a field that it does not document; were
 * that to go, callers see no answer, which costs them some grace and no correctness.
 */
export function answerOn(socket: Duplex): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

/**
 * Answers come in the order of their requests (RFC 9112 §9.3.2): what is to be said on a connection waits for what is
 * still being said. The answer to a request that has not come to its end waits for no other. Not called when the connection
 * ends before.
 */
export function afterAnswers(socket: Duplex, proceed: () => void): void {
  if (!isAnswering(socket)) {
    proceed();
    return;
  }
  let written = writtenTo(socket);
  let cancel = (): void => undefined;
  const lookAgain = (): void => {
    const bytesWritten = writtenTo(socket);
    if (bytesWritten === written) socket.destroy();
    written = bytesWritten;
    cancel = clock.after(patience, lookAgain);
  };
  // Of a socket that Node has handed out nobody else listens to these.
  const drained = (): void => void answerOn(socket)?.emit('drain');
  const leave = (): void => {
    cancel();
    socket.off('drain', drained).off('close', leave).off('error', ignore);
  };
  const next = (): void => {
    if (isAnswering(socket)) {
      answerOn(socket)?.once('close', next);
      return;
    }
    leave();
    if (socket.writable) proceed();
    else socket.on('error', ignore);
  };
  socket.on('drain', drained).on('error', ignore).once('close', leave);
  cancel = clock.after(patience, lookAgain);
  next();
}

function writtenTo(socket: Duplex): number | undefined {
  return (socket as Partial<Pick<Socket, 'bytesWritten'>>).bytesWritten;
}

function isAnswering(socket: Duplex): boolean {
  return answerOn(socket)?.req.complete === true;
}

function ignore(): void {
  // A socket that fails closes.
}
