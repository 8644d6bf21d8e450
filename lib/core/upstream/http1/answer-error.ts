/** The server broke the rules of HTTP/1.1; the message says which, for operators. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';

  constructor(reason: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(reason);
    Error.stackTraceLimit = limit;
  }
}
