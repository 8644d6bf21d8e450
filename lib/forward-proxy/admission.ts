import type { Request } from 'express';
import type { Context } from '../core/context.ts';
import { ProxyError } from '../core/errors.ts';
import { warn } from '../core/warn.ts';
import { isInside, isLoopback, type ClientPredicate } from './clients.ts';

export interface AdmissionRules {
  readonly clients: ClientPredicate | undefined;
  /** The destinations are listed: everybody inside may go there. */
  readonly listed: boolean;
}

/** The two ends of a connection. */
export interface Addresses {
  readonly remoteAddress?: string | undefined;
  readonly localAddress?: string | undefined;
}

/**
 * Whether this client may use the proxy at all. Default deny: a gate has let it pass, or the operator has listed the
 * destinations or this network, or the connection is one of this machine with itself. Credentials or lists are always
 * needed on public addresses, and `clients`, too.
 *
 * @throws {ProxyError} ERR_SEKISHO_PROXY_DENIED
 */
export function admit(
  { remoteAddress = '', localAddress }: Addresses,
  req: Request,
  context: Pick<Context, 'admitted'>,
  { clients, listed }: AdmissionRules,
): void {
  const inside = isInside(remoteAddress);
  if (clients === undefined) {
    if (!inside)
      throw denied(`${remoteAddress} is a public address, and \`clients\` does not name it`);
  } else if (!isTrue(clients(remoteAddress, req)))
    throw denied(`${remoteAddress} is not among \`clients\``);
  if (context.admitted || listed || (clients !== undefined && inside)) return;
  if (isLoopback(localAddress) && isLoopback(remoteAddress)) return;
  const detail = 'no gate has let the request pass, and no option says who may';
  warn(
    'SEKISHO_PROXY_DENIED',
    `forwardProxy refuses clients: ${detail}; mount authGate before it, or set \`clients\` or \`allow\``,
  );
  throw denied(detail);
}

function denied(detail: string): ProxyError {
  return new ProxyError('ERR_SEKISHO_PROXY_DENIED', { detail });
}

/** A promise is no yes. */
function isTrue(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new ProxyError('ERR_SEKISHO_HOOK', {
    detail: '`clients` gave neither true nor false; it has to say so at once',
  });
}
