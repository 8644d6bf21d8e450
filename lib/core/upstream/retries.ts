import { clock } from '../clock.ts';
import type { ProxyError } from '../errors.ts';
import { idempotentMethods } from './http1/exchange.ts';
import type { Pool } from './pool.ts';
import type { RequestBody } from './request-body.ts';
import type { Server } from './server.ts';

/** A request that has been sent to some servers already. */
export interface TriedRequest {
  readonly pool: Pool;
  readonly method: string;
  readonly body: RequestBody | undefined;
  readonly tried: readonly Server[];
}

/** Connect failures leave nothing behind, so a few more servers than `attempts` may be tried. */
const moreAfterConnectFailure = 3;

/**
 * Whether another server is asked after this failure: when nothing of the request has been sent, or when it
 * may be executed twice (RFC 9110 §9.2.2) and its body is still here whole. What has been sent once costs
 * retry budget; a connection that could not be made burdens nobody.
 */
export function retriesFailure(request: TriedRequest, error: ProxyError): boolean {
  const { pool, body } = request;
  if (error.source === 'client' || body?.replayable === false) return false;
  if (!error.retryable && !isRepeatable(request)) return false;
  const more = error.retryable ? Math.min(pool.servers.length, moreAfterConnectFailure) : 0;
  return hasAttempts(request, more) && allowed(pool, error);
}

/** Whether an answer is one of `retries.statuses` and goes nowhere, because another server is asked. */
export function retriesAnswer(
  request: TriedRequest,
  status: number,
  fields: readonly string[],
): boolean {
  const { pool, tried } = request;
  if (status < 400 || !pool.options.retries.statuses.includes(status)) return false;
  // The server asked to be left alone for a while (RFC 9110 §10.2.3): only another one is asked.
  const leaveAlone = fields.some(
    (field, at) => at % 2 === 0 && field.toLowerCase() === 'retry-after',
  );
  if (leaveAlone && pool.servers.every((server) => tried.includes(server))) return false;
  return isRepeatable(request) && hasAttempts(request, 0) && pool.budget.withdraw();
}

/** Milliseconds to wait before the next attempt: exponential, with full jitter, so that clients which failed together do not come back together. */
export function retryPause({ pool, tried }: TriedRequest): number {
  const { backoff } = pool.options.retries;
  return backoff === 0 ? 0 : backoff * 2 ** (tried.length - 1) * clock.random();
}

function allowed({ options, budget }: Pool, error: ProxyError): boolean {
  return error.retryable ? options.retries.budget > 0 : budget.withdraw();
}

function isRepeatable({ method, body }: TriedRequest): boolean {
  return idempotentMethods.has(method) && body?.replayable !== false;
}

function hasAttempts({ pool, tried }: TriedRequest, more: number): boolean {
  const { attempts } = pool.options.retries;
  return attempts > 1 && tried.length < attempts + more;
}
