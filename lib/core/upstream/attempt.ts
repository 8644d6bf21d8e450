import type { ProxyError } from '../errors.ts';

/** What one attempt showed of a server. */
export type AttemptResult =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Until the head of the answer. */
      readonly milliseconds: number;
    }
  | {
      readonly kind: 'failure';
      readonly error: ProxyError;
      /** On a kept-alive connection that had been used before: a reset there is no sign of a sick server. */
      readonly reused: boolean;
    };

/** What a failure says of the server it happened with. */
export type Verdict = 'unreachable' | 'failure' | 'timeout' | 'nothing';

/** Connections that failed for want of something on this side: no evidence against any server. */
const ownShortage: ReadonlySet<unknown> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
]);

export function verdictOf(error: ProxyError, reused: boolean): Verdict {
  if (ownShortage.has((error.cause as { code?: unknown } | undefined)?.code)) return 'nothing';
  switch (error.code) {
    case 'ERR_SEKISHO_CONNECT_REFUSED':
    case 'ERR_SEKISHO_DNS':
    case 'ERR_SEKISHO_TLS':
      return 'unreachable';
    case 'ERR_SEKISHO_UPSTREAM_RESET':
      return reused ? 'nothing' : 'failure';
    case 'ERR_SEKISHO_CONNECT_TIMEOUT':
    case 'ERR_SEKISHO_UPSTREAM_PROTOCOL':
    case 'ERR_SEKISHO_IDLE_TIMEOUT':
    case 'ERR_SEKISHO_TRUNCATED':
      return 'failure';
    case 'ERR_SEKISHO_HEADERS_TIMEOUT':
      return 'timeout';
    default:
      // The client's fault, ours, or (the total timeout) nobody's in particular.
      return 'nothing';
  }
}

/** 501 and 505 are about the request, the other 5xx about the server. */
export function isServerError(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505;
}
