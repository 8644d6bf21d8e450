import { ProxyError, type ErrorCode } from '../../errors.ts';
import { AnswerError } from './answer-error.ts';

/** What had happened on the connection when it failed. */
export interface FailurePoint {
  readonly server: string;
  /** The connection was never established: nothing of the request has been sent. */
  readonly connecting: boolean;
  /** The answer's head had been handed on. */
  readonly answering: boolean;
  /** A kept connection on which the server had said nothing to this request. */
  readonly reused?: boolean;
}

const tlsCode = /^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_|EPROTO)/;
/** TLS 1.3: the server judges the client's certificate only after the client has its connection. */
const refusedLate = /^ERR_SSL_\w*ALERT_\w*(?:CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;
const dnsCodes: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_FAIL']);

/** Names a socket's failure in the words of the error table. */
export function failure(
  cause: unknown,
  { server, connecting, answering, reused = false }: FailurePoint,
): ProxyError {
  if (cause instanceof ProxyError) return cause;
  const { message, code = '' } = cause as { message?: string; code?: string };
  const detail = code === '' ? message : `${code}: ${message ?? ''}`;
  const init = { server, cause, reused, ...(detail === undefined ? {} : { detail }) };
  if (cause instanceof AnswerError)
    return new ProxyError('ERR_SEKISHO_UPSTREAM_PROTOCOL', {
      ...init,
      stage: answering ? 'body' : 'headers',
    });
  if (connecting) return new ProxyError(connectCode(code), init);
  if (!answering && refusedLate.test(code)) return new ProxyError('ERR_SEKISHO_TLS', init);
  return new ProxyError(answering ? 'ERR_SEKISHO_TRUNCATED' : 'ERR_SEKISHO_UPSTREAM_RESET', init);
}

function connectCode(code: string): ErrorCode {
  if (dnsCodes.has(code)) return 'ERR_SEKISHO_DNS';
  if (tlsCode.test(code)) return 'ERR_SEKISHO_TLS';
  return 'ERR_SEKISHO_CONNECT_REFUSED';
}
