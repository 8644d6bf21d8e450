import type { z } from 'zod';
import { count, duration, oneOf, schemaOf, type Duration } from '../core/options.ts';

export interface TunnelOptions {
  /** A tunnel in which nothing moves for so long is closed; 0 for never. @default '15 minutes' */
  readonly idle?: Duration;
  /** How long a tunnel may be open at most; 0 for ever. @default 0 */
  readonly maxDuration?: Duration;
  /** Tunnels at a time of one user, or of one address where nobody is logged in; further ones get 429. @default 256 */
  readonly maxPerUser?: number;
  /** Tunnels at a time of all; further ones get 429. @default 10000 */
  readonly maxTotal?: number;
  /**
   * The server name in the ClientHello (RFC 6066 §3): `'log'` notes it, and does not delay the tunnel for it.
   * `'require-match'` sends nothing on before it is known, and cuts tunnels that do not begin with TLS or name another host than
   * the CONNECT. Behind Encrypted Client Hello the name is that of the provider. @default 'log'
   */
  readonly sni?: 'log' | 'require-match';
}

export const tunnelSchema = schemaOf<TunnelOptions>()({
  idle: duration().default(15 * 60_000),
  maxDuration: duration().default(0),
  maxPerUser: count(1).default(256),
  maxTotal: count(1).default(10_000),
  sni: oneOf(['log', 'require-match']).default('log'),
});

export type ParsedTunnelOptions = z.output<typeof tunnelSchema>;
