import type { ErrorCode } from '../../errors.ts';

/** What the policy has to know of a request. */
export interface DestinationQuestion {
  readonly form: 'http' | 'connect';
  /** As `parseDestination` gives it: canonical, IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The Host field, all lines of it; not compared when undefined. */
  readonly hostHeader?: string | readonly string[] | undefined;
  /** The server name of the ClientHello inside a tunnel; not compared when undefined. */
  readonly sni?: string | undefined;
  /** The Via field, lines joined by commas. */
  readonly via?: string | undefined;
  /** Ports that this process listens on. */
  readonly ownPorts?: readonly number[] | undefined;
}

export interface Allowed {
  readonly allow: true;
  readonly hostname: string;
  readonly port: number;
  /** The address to connect to, and no other name or address than these. */
  readonly address: string;
  /** All that were checked, IPv4 first: to be tried in turn. */
  readonly addresses: readonly string[];
}

export interface Denied {
  readonly allow: false;
  /** For operators: may tell what an internal name resolves to. */
  readonly reason: string;
  readonly code: ErrorCode;
  readonly status: number;
}

export type Verdict = Allowed | Denied;

export function denied(reason: string): Denied {
  return { allow: false, reason, code: 'ERR_SEKISHO_DESTINATION_DENIED', status: 403 };
}

export function loops(reason: string): Denied {
  return { allow: false, reason, code: 'ERR_SEKISHO_LOOP', status: 508 };
}

export function badHost(reason: string): Denied {
  return { allow: false, reason, code: 'ERR_SEKISHO_BAD_HOST', status: 400 };
}

export function unresolved(reason: string, status: 502 | 504): Denied {
  return { allow: false, reason, code: 'ERR_SEKISHO_DNS', status };
}
